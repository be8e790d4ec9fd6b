/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_NODE_H
#define FS_NODE_H

/*
 * The engine over the table of tree.h: what an inode number names, how it
 * looks, what is in it. It knows neither FUSE nor a single kind. Functions
 * answer 0 or -errno; refusals with a reason in call->reason are logged here.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fs/tree.h"

/* One name in the tree, as it was when it was looked up. */
struct node {
	uint64_t ino;
	const struct kind *kind;
	const struct attr *attr; /* NULL: the directory */
	union store_any row;
	uint64_t draft; /* draft.h's id of it; then there is no row. 0: none */
	/* A request that is being dropped: the draft is its place, the row the
	 * key; the file it is to become, and the member's name. */
	const struct attr *drop;
	char member[NAME_MAX_LEN + 1];
};

/* What an inode number names. -ESTALE if it is gone. */
int node_get(struct store *store, uint64_t ino, struct node *out);

/* The entry of a directory. -ENOENT; -ESTALE if the directory is gone;
 * -ENAMETOOLONG: nothing here can have that name. */
int node_lookup(struct store *store, const struct node *dir, const char *name,
    struct node *out);

/* The inode number that stat and listings show. */
uint64_t node_shown_ino(const struct node *node);

/* Its attributes; the size is exactly what an open now would let read. */
int node_stat(struct store *store, const struct node *node, struct stat *st);

/* Sets the blocks that the size takes. */
void node_count_blocks(struct stat *st);

/* statfs(2) of the mount. */
int node_space(struct store *store, struct statvfs *out);

/* The time that stat shows; snapshot: what was opened of it, or NULL. 0 of what
 * is exported. */
int node_moment(struct store *store, const struct node *node,
    const struct store_snapshot *snapshot, struct timespec *out);

/* chmod and chown. It is kept until the object goes. 1: nothing has changed;
 * -EPERM. */
int node_chown(struct store *store, struct store_call *call,
    const struct node *node, const struct store_chown *change);

/*
 * Called with the inode number of everything whose owner and mode follow an
 * object's directory: what the kernel knows of them is old when those change.
 */
typedef int (*node_ino_fn)(uint64_t ino, void *arg);
int node_each_follower(const struct node *node, node_ino_fn fn, void *arg);

/* Calls fn for each directory of this object whose cached listing has to be
 * invalidated after an enrollment. */
int node_each_notified(
    enum store_kind row, int64_t id, node_ino_fn fn, void *arg);

/* How long the kernel may keep its attributes, and where its name leads, in
 * seconds. */
double node_timeout(const struct node *node);
double node_entry_timeout(const struct node *node);

/* Appends what a file shows, with its newline. */
int node_content(
    struct store *store, const struct node *node, struct bytes *out);

/*
 * Called for each entry of a directory: `next` is the cookie that goes on
 * behind it. 0 to go on, 1 to stop. "." and ".." come with their inode numbers
 * in node->ino and nothing else.
 */
typedef int (*node_entry_fn)(
    const char *name, const struct node *node, uint64_t next, void *arg);

int node_list(struct store *store, const struct node *dir, uint64_t cookie,
    node_entry_fn fn, void *arg);

/* mkdir: an object, or a tool's lock as an empty draft. -EPERM where nothing
 * can be made. */
int node_make(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, mode_t mode, struct node *out);

/*
 * unlink, and rmdir: objects go, their files and fixed directories are hidden
 * until the object's rmdir that follows (hidden.h). -EPERM, -EBUSY: in an
 * object that may not be deleted.
 */
int node_unlink(struct store *store, struct store_call *call,
    const struct node *dir, const char *name);
int node_remove(struct store *store, struct store_call *call,
    const struct node *dir, const char *name);

/*
 * A file is created (open(2)'s flags): what is hidden is shown again, and what
 * looks like a tool's temporary file or backup becomes a draft (draft_name.h).
 * -EPERM for all other names: they are typos.
 */
int node_create(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, int flags, mode_t mode,
    struct node *out);

/*
 * What the kernel checks at an open, where it does not: whether owner and mode
 * let the caller, with its groups, have this access, R_OK and W_OK of
 * access(2). 0; -EACCES, also where that would take a group and the groups are
 * unknown.
 */
int node_access(struct store *store, struct store_call *call,
    const struct node *node, int access);

/*
 * For a call whose groups are unknown, in a directory that the kernel has let
 * the caller write: notes the group that this takes.
 */
int node_learn_group(
    struct store *store, struct store_call *call, const struct node *dir);

/* After a failed open of what was just created: a draft that nobody has. */
void node_uncreate(const struct node *node);

/* Whether the caller may write the attribute: 0, -EACCES. */
int node_may_write(
    struct store *store, struct store_call *call, const struct node *node);

/*
 * Checks the form that all values have and hands it to the attribute's handler;
 * answers as that. before: for store_edit, or NULL.
 */
int node_store(struct store *store, struct store_call *call,
    const struct node *node, const struct bytes *value, bool again,
    struct store_before *before);

/*
 * link of a file to a draft's name beside it, which becomes a copy of its
 * value. -EPERM: a secret, a conversation, a managed object, another's of the
 * root's owner, any other name; -EACCES without permission to read and write
 * the file.
 */
int node_link(struct store *store, struct store_call *call,
    const struct node *file, const struct node *dir, const char *name,
    struct node *out);

/*
 * rename in place. -EPERM into another directory; -EEXIST: taken. A draft over
 * an attribute is a write of it; over anything else -EPERM. A file renamed to a
 * draft's name leaves its value there and is hidden as if it was unlinked;
 * refused as node_link.
 */
int node_rename(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, const struct node *new_dir,
    const char *new_name);

/*
 * Records that something was refused, with its reason or the errno's, unless
 * that has been done; no refusal is what there is not (ENOENT, ESTALE) or what
 * is of another type (ENOTDIR ...). Answers rc. node_refused_in: of a name in a
 * directory, which may be NULL.
 */
int node_refused(struct store *store, struct store_call *call,
    const char *action, const struct node *node, int rc);
int node_refused_in(struct store *store, struct store_call *call,
    const char *action, const struct node *dir, const char *name, int rc);

#endif
