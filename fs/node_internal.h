/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_NODE_INTERNAL_H
#define FS_NODE_INTERNAL_H

/* Shared by node*.c, the parts of the engine. */
#include "fs/node.h"

/* The index in the table: an enum kind_number. */
static inline unsigned int node_kind_number(const struct kind *kind)
{
	return (unsigned int)(kind - tree);
}

/* Whether the attribute has one of these flags; false for NULL, a directory. */
static inline bool node_has(const struct attr *attr, unsigned int flags)
{
	return attr && (attr->flags & flags);
}

/* --- node.c --- */

/* Sets all of a node but its row. */
void node_set(struct node *node, const struct kind *kind,
    const struct attr *attr, int64_t id);

/*
 * The fixed entries of a kind are numbered: its directories, then its
 * attributes. Returns the number, or -1.
 */
int node_fixed_number(const struct kind *kind, const char *name);

/* The attribute with this number, or NULL for a directory. */
const struct attr *node_fixed_attr(const struct kind *kind, size_t i);

/* The entry with this number. Returns 0, or -ENOENT (hidden, or not present). */
int node_fixed_entry(
    struct store *store, const struct node *dir, size_t i, struct node *out);

/*
 * Splits a name into an object's and an attribute's, in a kind without
 * directories. NULL: it does not end in an attribute's name, or the rest is not
 * a legal name.
 */
const struct attr *node_flat_attr(
    const struct kind *kind, const char *name, char object[NAME_MAX_LEN + 1]);

/* Looks up an object, or a file of an object without a directory. Returns 0, or
 * -ENOENT. */
int node_find_child(struct store *store, const struct node *dir,
    const char *name, struct node *out);

/* Makes a hidden file of an object without a directory visible. */
void node_show_flat(struct store *store, const struct node *dir,
    const struct attr *attr, const char *object);

/* The inode number of "..". */
uint64_t node_parent_ino(const struct node *dir);

/* --- node_access.c --- */

/* Returns 0, or -EPERM below export/. */
int node_check_exported(struct fs_request *rq, const struct node *node);

/* Returns 0, or -EINVAL: a name that holds a secret would show it to others. */
int node_check_name(struct fs_request *rq, const char *name);

/* Whether the caller may delete the object of this directory, except that it is
 * not empty. Returns 0, or -EPERM, -EBUSY, -EACCES. */
int node_may_delete(struct fs_request *rq, const struct node *dir);

/* --- node_value.c --- */

/* Writes a whole file to an attribute. Returns 0, or as node_store, or -EBADMSG
 * (incomplete). */
int node_replace(struct fs_request *rq, const struct node *node,
    const struct bytes *content);

/* --- node_draft.c --- */

/* Makes the node one for a draft. */
void node_set_draft(struct node *node, uint64_t id, bool directory);

int node_find_draft(const struct node *dir, const char *name, struct node *out);

/* Whether drafts can be made in a directory. */
bool node_has_drafts(const struct node *dir);

/* Whether a new file with this name, flags and mode is a draft. */
bool node_is_draft(
    const struct node *dir, const char *name, int flags, mode_t mode);

/*
 * Makes a draft, a file or directory as mode says. It belongs to the caller and
 * the directory's group. Returns 0, or -EEXIST, -ENOSPC.
 */
int node_make_draft(const struct fs_request *rq, const struct node *dir,
    const char *name, mode_t mode, struct node *out);

/* The attribute that a file of this name becomes if its request is accepted,
 * and the member's name; or NULL. */
const struct attr *node_drop_attr(
    const struct node *dir, const char *name, char member[NAME_MAX_LEN + 1]);

/* Makes the draft that holds the name until the request is complete; it goes
 * when the file is closed. */
int node_make_drop(const struct fs_request *rq, const struct node *dir,
    const char *name, mode_t mode, struct node *out);

int node_rename_draft(struct fs_request *rq, const struct node *draft,
    const struct node *dir, const char *new_name);

/* Renames a file to a backup's name, which leaves its value there. Returns 0,
 * or -EPERM, -EACCES. */
int node_rename_away(struct fs_request *rq, const struct node *dir,
    const struct node *file, const char *name);

#endif
