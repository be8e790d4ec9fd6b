/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_NODE_INTERNAL_H
#define FS_NODE_INTERNAL_H

/* Shared by node*.c, the parts of the engine. */
#include "fs/node.h"

/* Its place in the table: an enum kind_number. */
static inline unsigned int node_kind_number(const struct kind *kind)
{
	return (unsigned int)(kind - tree);
}

/* Whether the attribute (NULL: a directory) has a flag. */
bool node_has(const struct attr *attr, unsigned int flag);

/* Makes the node name this; the row is the caller's to fill in. */
void node_set(struct node *node, const struct kind *kind,
    const struct attr *attr, int64_t id);
void node_set_draft(struct node *node, uint64_t id, bool directory);

/*
 * The entries that every directory of a kind has are numbered: its fixed
 * directories, then its attributes. -1: there is none of that name.
 */
int node_fixed_number(const struct kind *kind, const char *name);

/* The attribute at a number, NULL for a directory. */
const struct attr *node_fixed_attr(const struct kind *kind, size_t i);

/* The entry with this number. -ENOENT if this directory has it not, or not
 * now. */
int node_fixed_entry(
    struct store *store, const struct node *dir, size_t i, struct node *out);

/*
 * The attribute of a kind without directories that a name ends in; what is
 * before it goes to object. NULL: none, or what is before is no legal name.
 */
const struct attr *node_flat_attr(
    const struct kind *kind, const char *name, char object[NAME_MAX_LEN + 1]);

/* A name that somebody gives: whatever it is for, it must not be a secret.
 * -EINVAL. */
int node_check_name(
    struct store *store, struct store_call *call, const char *name);

/* Whether drafts can be made in it: beside attributes that somebody may want to
 * replace. */
bool node_has_drafts(const struct node *dir);

/* Shows a file of this object again, if it was hidden. */
void node_show_flat(struct store *store, const struct node *dir,
    const struct attr *attr, const char *object);

/* The directory that ".." leads to. */
uint64_t node_parent_ino(const struct node *dir);

/* Whose it is, and what its mode is. */
int node_owner(
    struct store *store, const struct node *node, struct store_owner *out);

/* Whether drafts of this name can be in the directory; as draft_name.h says,
 * made by O_EXCL. */
bool node_draft_name(const struct node *dir, const char *name);

/* Makes a draft, a file or directory as mode says. -EEXIST, -ENOSPC. */
int node_make_draft(struct store *store, const struct store_call *call,
    const struct node *dir, const char *name, mode_t mode, struct node *out);

/* Renames a file of the directory to a draft's name, which leaves its value
 * there. -EPERM, -EACCES. */
int node_rename_away(struct store *store, struct store_call *call,
    const struct node *dir, const struct node *file, const char *name);

/* The other entries: objects, and drafts. -ENOENT. */
int node_find_child(struct store *store, const struct node *dir,
    const char *name, struct node *out);
int node_find_draft(const struct node *dir, const char *name, struct node *out);

#endif
