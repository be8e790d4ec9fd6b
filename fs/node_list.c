/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "fs/draft.h"
#include "fs/hidden.h"
#include "fs/ino.h"
#include "fs/node_internal.h"

/* Listing directories. */

struct listing {
	node_entry_fn fn;
	void *arg;
	struct node *entry;
	uint64_t cookie; /* where to continue */
};

/* An object without a directory: its files, each with a cookie. */
static int list_flat(const union store_any *row, struct listing *l)
{
	const struct kind *kind = l->entry->kind;
	char name[NAME_MAX_LEN + 16];

	for (size_t i = 0; i < kind->attrs; i++) {
		uint64_t next = INO_FIRST_CHILD +
				(uint64_t)row->object.id * kind->attrs + i;
		if (next <= l->cookie)
			continue;
		node_set(l->entry, kind, &kind->attr[i], row->object.id);
		if (hidden_has(l->entry->ino, 0))
			continue;
		snprintf(name, sizeof(name), "%s%s", row->object.name,
		    kind->attr[i].name);
		if (l->fn(name, l->entry, next, l->arg))
			return 1;
	}
	return 0;
}

static int list_child(const union store_any *row, void *arg)
{
	struct listing *l = arg;

	l->entry->row = *row;
	if (l->entry->kind->flat)
		return list_flat(row, l);
	node_set(l->entry, l->entry->kind, NULL, row->object.id);
	return l->fn(row->object.name, l->entry,
	    INO_FIRST_CHILD + (uint64_t)row->object.id, l->arg);
}

/* Continues with the object of the cookie, some of whose files may be listed
 * already. */
static int list_children(
    struct store *store, const struct node *dir, struct listing *l)
{
	const struct kind *child = &tree[dir->kind->child];
	int64_t after = l->cookie < INO_FIRST_CHILD
			    ? 0
			    : (int64_t)(l->cookie - INO_FIRST_CHILD);

	if (child->flat && after)
		after = after / (int64_t)child->attrs - 1;
	l->entry->kind = child;
	if (dir->kind->each)
		return dir->kind->each(store, &dir->row, after, list_child, l);
	return store_each(
	    store, child->row, dir->row.object.id, after, list_child, l);
}

static int list_dots(const struct node *dir, uint64_t *cookie, struct listing *l)
{
	int stop = 0;

	if (*cookie < INO_COOKIE_DOT) {
		*l->entry = *dir;
		stop = l->fn(".", l->entry, INO_COOKIE_DOT, l->arg);
	}
	if (!stop && *cookie < INO_COOKIE_DOTDOT) {
		*l->entry = *dir;
		l->entry->ino = node_parent_ino(dir);
		stop = l->fn("..", l->entry, INO_COOKIE_DOTDOT, l->arg);
	}
	if (*cookie < INO_COOKIE_DOTDOT)
		*cookie = INO_COOKIE_DOTDOT;
	return stop;
}

/* Files before directories: a program that copies export/ in this order copies
 * store.json before what is newer. */
static int list_fixed(struct store *store, const struct node *dir,
    uint64_t cookie, struct listing *l)
{
	const struct kind *kind = dir->kind;

	for (size_t at = cookie - INO_COOKIE_DOTDOT;
	     at < kind->dirs + kind->attrs; at++) {
		size_t i = at < kind->attrs ? kind->dirs + at
					    : at - kind->attrs;
		const struct attr *attr = node_fixed_attr(kind, i);
		if (node_has(attr, AT_HIDDEN))
			continue;
		int rc = node_fixed_entry(store, dir, i, l->entry);
		if (rc == -ENOENT)
			continue;
		if (rc)
			return rc;
		if (l->fn(attr ? attr->name : kind->dir[i].name, l->entry,
			INO_COOKIE_FIXED + at, l->arg))
			return 1;
	}
	return 0;
}

int node_list(struct store *store, const struct node *dir, uint64_t cookie,
    node_entry_fn fn, void *arg)
{
	struct node entry;
	struct listing l = {fn, arg, &entry, cookie};

	if (dir->attr)
		return -ENOTDIR;
	/* cp and mv look which numbers are listed, and try the next one until
	 * it is free. Drafts are not listed: one that stayed would keep them
	 * trying. */
	if (!cookie)
		draft_unlink_numbered(dir->ino);
	int rc = list_dots(dir, &cookie, &l);
	if (!rc && cookie < INO_FIRST_CHILD)
		rc = list_fixed(store, dir, cookie, &l);
	if (rc || !dir->kind->child)
		return rc < 0 ? rc : 0;
	return list_children(store, dir, &l);
}
