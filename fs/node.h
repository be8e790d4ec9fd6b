/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_NODE_H
#define FS_NODE_H

/*
 * The engine over the table of tree.h: resolves inode numbers and names, and
 * lists and changes directories. It knows neither FUSE nor a single kind.
 * Functions return 0 or -errno; those that take a request set its target, and
 * the reason of a refusal (request.h).
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fs/request.h"
#include "fs/tree.h"

/* One name in the tree, as it was when it was looked up. */
struct node {
	uint64_t ino;
	const struct kind *kind;
	const struct attr *attr; /* NULL: a directory */
	union store_any row;
	uint64_t draft; /* id of a draft (draft.h), which has no row; 0: none */
	/* A request that is being dropped: a draft holds its name, the row is
	 * the key's. The file that it becomes, and the member's name. */
	const struct attr *drop;
	char member[NAME_MAX_LEN + 1];
};

/* Notes the target of a request: the node, or a name in this directory; name:
 * or NULL. */
void node_target(struct fs_request *rq, const char *action,
    const struct node *node, const char *name);

/* Resolves an inode number. Returns 0, or -ESTALE (it is gone). */
int node_get(struct store *store, uint64_t ino, struct node *out);

/*
 * Looks up a name. Returns 0, or -ENOENT, -ENOTDIR, -ESTALE (the directory is
 * gone), -ENAMETOOLONG (longer than any name in this directory).
 */
int node_lookup(struct store *store, const struct node *dir, const char *name,
    struct node *out);

/* The inode number that stat and listings show. */
uint64_t node_shown_ino(const struct node *node);

/* The number that stat shows: the same, but for the log, which is another file
 * once its older lines have been moved away. */
uint64_t node_stat_ino(struct store *store, const struct node *node);

/*
 * How long the kernel may cache attributes and names, in seconds. forgettable:
 * names can be invalidated (ops_forget_names).
 */
double node_timeout(const struct node *node);

/* Other hosts change the store, too, and cannot tell this kernel: it caches for
 * half a second at most. Before anything is served. */
void node_shared_with_others(void);
double node_entry_timeout(const struct node *node, bool forgettable);

/* How long it may cache the attributes that a lookup answers. */
double node_lookup_timeout(const struct node *node, bool forgettable);

/* --- attributes --- */

/* stat(2). The size is exactly what an open now would let read. */
int node_stat(struct store *store, const struct node *node, struct stat *st);

/* Sets st_blocks from st_size. */
void node_count_blocks(struct stat *st);

/* statfs(2). */
int node_space(struct store *store, struct statvfs *out);

/* The st_mtim of a file; snapshot: the one that an open serves, or NULL. Zero
 * below export/, where versions have times of their own. */
int node_moment(struct store *store, const struct node *node,
    const struct store_snapshot *snapshot, struct timespec *out);

/* The present owner, group, mode and ctime. */
int node_owner(
    struct store *store, const struct node *node, struct store_owner *out);

/* chmod and chown. Returns 0, 1 (nothing has changed), or -EPERM, -ESTALE. */
int node_chown(struct fs_request *rq, const struct node *node,
    const struct store_chown *change);

typedef int (*node_ino_fn)(uint64_t ino, void *arg);

/*
 * Calls fn for each file and directory whose owner and mode follow this
 * object's directory, and for each other inode number of a conversation: their
 * cached attributes have to be invalidated.
 */
int node_each_follower(const struct node *node, node_ino_fn fn, void *arg);

/* Whether this is a directory of a kind that is `listed` (tree.h). */
bool node_is_listed(uint64_t ino);

/* Calls fn for each such directory of this object. */
int node_each_listed(enum store_kind row, int64_t id, node_ino_fn fn, void *arg);

/* Calls fn for each file in such a directory whose attributes the kernel caches
 * for a moment. */
int node_each_cached(uint64_t dir, node_ino_fn fn, void *arg);

/* Calls fn for each directory of this object whose cached listing has to be
 * invalidated after an enrollment. */
int node_each_notified(
    enum store_kind row, int64_t id, node_ino_fn fn, void *arg);

/* --- permissions that the kernel does not check --- */

/*
 * Whether owner and mode grant the caller, with its groups, this access (R_OK
 * and W_OK, access(2)). Returns 0, or -EACCES, also if only a group grants it
 * and the caller's groups are unknown.
 */
int node_access(struct fs_request *rq, const struct node *node, int access);

/*
 * If the caller's groups are unknown: the kernel has let it write to this
 * directory, so notes the group that this takes.
 */
int node_learn_group(struct fs_request *rq, const struct node *dir);

/* Whether the caller may write the attribute at all. Returns 0, or -EACCES. */
int node_may_write(struct fs_request *rq, const struct node *node);

/* --- contents --- */

/* Appends the content of a file, with its newline. */
int node_content(
    struct store *store, const struct node *node, struct bytes *out);

/*
 * Checks the form that all values have and passes the value to the attribute's
 * store handler. again, before: see struct input. Returns as that handler does:
 * 0, 1 (it must not be stored again), or -EFBIG, -EINVAL, or its errno.
 */
int node_store(struct fs_request *rq, const struct node *node,
    const struct bytes *value, bool again, struct store_before *before);

/* --- directories --- */

/*
 * Called for each entry; `next` is the cookie that continues after it. Returns
 * 0 to continue, 1 to stop. Of "." and ".." only node->ino is valid.
 */
typedef int (*node_entry_fn)(
    const char *name, const struct node *node, uint64_t next, void *arg);

/* Lists a directory from a cookie (0: the beginning). Returns 0, also when fn
 * stopped it, or -ENOTDIR, -EIO. */
int node_list(struct store *store, const struct node *dir, uint64_t cookie,
    node_entry_fn fn, void *arg);

/* mkdir: an object, or an empty draft (a lock of a program). Returns 0, or
 * -EPERM, -EEXIST, -EINVAL, -ENOSPC. */
int node_make(struct fs_request *rq, const struct node *dir, const char *name,
    mode_t mode, struct node *out);

/*
 * create, with the flags of open(2): a hidden file shows again, a request is
 * dropped, a temporary file or backup becomes a draft (draft_name.h). All other
 * names are typos: -EPERM.
 */
int node_create(struct fs_request *rq, const struct node *dir, const char *name,
    int flags, mode_t mode, struct node *out);

/* Removes the draft of a file that was created and could not be opened. */
void node_uncreate(const struct node *node);

/*
 * unlink and rmdir. Objects are deleted; their files and fixed directories are
 * hidden until the rmdir of the object (hidden.h). Returns 0, or -ENOENT,
 * -EISDIR, -ENOTDIR, -ENOTEMPTY, -EACCES, and -EPERM or -EBUSY, also for files
 * of an object that may not be deleted.
 */
int node_unlink(struct fs_request *rq, const struct node *dir, const char *name);
int node_remove(struct fs_request *rq, const struct node *dir, const char *name);

/*
 * link, of a file to a draft's name beside it: the draft gets a copy of its
 * value. Returns 0, or -EPERM (another name; a secret, a conversation, a file
 * of a managed object or of the root's owner), -EACCES (no permission to read
 * and write the file).
 */
int node_link(struct fs_request *rq, const struct node *file,
    const struct node *dir, const char *name, struct node *out);

/*
 * rename in place. A draft over an attribute is a write of it. A file renamed
 * to a draft's name leaves its value there and is hidden as by unlink; refused
 * as node_link. Returns 0, or -EPERM (another directory; a draft over anything
 * else), -EEXIST, or what a write would return.
 */
int node_rename(struct fs_request *rq, const struct node *dir, const char *name,
    const struct node *new_dir, const char *new_name);

#endif
