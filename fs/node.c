/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node_internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "fs/draft.h"
#include "fs/fresh.h"
#include "fs/hidden.h"
#include "fs/ino.h"
#include "store/base/clock.h"
#include "store/log.h"

/* For what changes through its own inode only. */
static double cache_seconds = 60;

/* For conversations: from the lookup to the open and the fstat(2) that follow. */
static double conversation_seconds = 1;

/* For what a renewal changes, and for values, whose time changes with that of
 * others of the object: from the listing of a directory to a look at each file
 * in it. */
static double moment_seconds = 1;

void node_shared_with_others(void)
{
	cache_seconds = conversation_seconds = moment_seconds = 0.5;
}

static bool present(const struct attr *attr, const union store_any *row)
{
	return !attr->present || attr->present(row);
}

uint64_t node_shown_ino(const struct node *node)
{
	return node_has(node->attr, AT_CONVERSATION)
		   ? ino_without_counter(node->ino)
		   : node->ino;
}

/* The number of lines before it takes the place of the root's id and above. */
uint64_t node_stat_ino(struct store *store, const struct node *node)
{
	uint64_t ino = node_shown_ino(node);
	bool log = node->attr && node->attr->read && !node->kind->exported;

	return log ? ino | (uint64_t)store_log_begins(store) << 1 : ino;
}

void node_set(struct node *node, const struct kind *kind,
    const struct attr *attr, int64_t id)
{
	node->draft = 0;
	node->drop = NULL;
	node->kind = kind;
	node->attr = attr;
	node->ino = ino_make(
	    node_kind_number(kind), attr ? attr->number : 0, id);
	if (node_has(attr, AT_CONVERSATION))
		node->ino = fresh_give(node->ino);
}

static int get_draft(uint64_t ino, struct node *out)
{
	struct stat st;

	node_set_draft(out, (uint64_t)ino_id(ino), !ino_attr(ino));
	return draft_stat(out->draft, &st);
}

int node_get(struct store *store, uint64_t ino, struct node *out)
{
	unsigned int attr = ino_attr(ino);

	if (ino_kind(ino) == INO_DRAFT)
		return get_draft(ino, out);

	if (ino_kind(ino) >= KINDS)
		return -ESTALE;
	out->ino = ino;
	out->draft = 0;
	out->drop = NULL;
	out->kind = &tree[ino_kind(ino)];
	out->attr = tree_attr(out->kind, attr);
	if (attr && !out->attr)
		return -ESTALE;
	int rc = store_get(
	    store, out->kind->row, ino_id(node_shown_ino(out)), &out->row);
	if (!rc && out->attr && !present(out->attr, &out->row))
		return -ESTALE;
	return rc;
}

/* --- looking up --- */

int node_fixed_number(const struct kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->dirs; i++)
		if (strcmp(kind->dir[i].name, name) == 0)
			return (int)i;
	for (size_t i = 0; i < kind->attrs; i++)
		if (strcmp(kind->attr[i].name, name) == 0)
			return (int)(kind->dirs + i);
	return -1;
}

/* A fixed directory, of another object or the same one. */
static int enter(struct store *store, const struct node *dir,
    const struct fixed_dir *fixed, struct node *out)
{
	node_set(out, &tree[fixed->kind], NULL,
	    fixed->id ? fixed->id : dir->row.object.id);
	if (fixed->id)
		return store_get(store, out->kind->row, fixed->id, &out->row);
	out->row = dir->row;
	return 0;
}

static int find_object(struct store *store, const struct node *dir,
    const char *name, union store_any *out)
{
	if (dir->kind->find)
		return dir->kind->find(store, &dir->row, name, out);
	return store_find(
	    store, tree[dir->kind->child].row, dir->row.object.id, name, out);
}

/* A file of an object without a directory. */
static int find_flat(struct store *store, const struct node *dir,
    const char *name, struct node *out)
{
	const struct kind *child = &tree[dir->kind->child];
	char object[NAME_MAX_LEN + 1];
	const struct attr *attr = node_flat_attr(child, name, object);

	if (!attr)
		return -ENOENT;
	int rc = find_object(store, dir, object, &out->row);
	if (!rc)
		node_set(out, child, attr, out->row.object.id);
	return !rc && hidden_has(out->ino, 0) ? -ENOENT : rc;
}

void node_show_flat(struct store *store, const struct node *dir,
    const struct attr *attr, const char *object)
{
	struct node file;

	if (find_object(store, dir, object, &file.row))
		return;
	node_set(&file, &tree[dir->kind->child], attr, file.row.object.id);
	hidden_show(file.ino, 0);
}

const struct attr *node_flat_attr(
    const struct kind *kind, const char *name, char object[NAME_MAX_LEN + 1])
{
	size_t len = strlen(name);

	for (const struct attr *attr = kind->attr;
	     attr < kind->attr + kind->attrs; attr++) {
		size_t tail = strlen(attr->name);
		if (len <= tail || strcmp(name + len - tail, attr->name) != 0 ||
		    !name_legal(name, len - tail))
			continue;
		memcpy(object, name, len - tail);
		object[len - tail] = '\0';
		return attr;
	}
	return NULL;
}

int node_find_child(struct store *store, const struct node *dir,
    const char *name, struct node *out)
{
	const struct kind *child = &tree[dir->kind->child];

	if (!dir->kind->child)
		return -ENOENT;
	if (child->flat)
		return find_flat(store, dir, name, out);
	int rc = find_object(store, dir, name, &out->row);
	if (!rc)
		node_set(out, child, NULL, out->row.object.id);
	return rc;
}

const struct attr *node_fixed_attr(const struct kind *kind, size_t i)
{
	return i < kind->dirs ? NULL : &kind->attr[i - kind->dirs];
}

int node_fixed_entry(
    struct store *store, const struct node *dir, size_t i, struct node *out)
{
	const struct attr *attr = node_fixed_attr(dir->kind, i);

	if (hidden_has(dir->ino, (unsigned int)i))
		return -ENOENT;
	if (!attr)
		return enter(store, dir, &dir->kind->dir[i], out);
	if (!present(attr, &dir->row))
		return -ENOENT;
	node_set(out, dir->kind, attr, dir->row.object.id);
	out->row = dir->row;
	return 0;
}

/*
 * The longest name in a directory: an object's; with the file's name after it,
 * where objects have no directory; or a draft's, to which programs add what
 * they like.
 */
static size_t longest_name(const struct node *dir)
{
	const struct kind *child = &tree[dir->kind->child];
	size_t ending = 0;

	if (node_has_drafts(dir))
		return NAME_MAX;
	for (size_t i = 0; child->flat && i < child->attrs; i++)
		if (strlen(child->attr[i].name) > ending)
			ending = strlen(child->attr[i].name);
	return NAME_MAX_LEN + ending;
}

int node_lookup(struct store *store, const struct node *dir, const char *name,
    struct node *out)
{
	if (dir->attr)
		return -ENOTDIR;
	if (strlen(name) > longest_name(dir))
		return -ENAMETOOLONG;
	int i = node_fixed_number(dir->kind, name);
	if (i >= 0)
		return node_fixed_entry(store, dir, (size_t)i, out);
	return node_find_draft(dir, name, out)
		   ? node_find_child(store, dir, name, out)
		   : 0;
}

/* A fixed directory may have the same object as its parent. */
uint64_t node_parent_ino(const struct node *dir)
{
	const struct store_object *o = &dir->row.object;

	if (dir->draft)
		return draft_parent(dir->draft);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < tree[kind].dirs; i++)
			if (tree[kind].dir[i].kind ==
			    node_kind_number(dir->kind))
				return ino_make(kind, 0,
				    tree[kind].dir[i].id ? STORE_ROOT : o->id);
		if (tree[kind].child &&
		    tree[kind].child == node_kind_number(dir->kind))
			return ino_make(kind, 0, o->parent);
	}
	return INO_ROOT;
}

int node_each_notified(
    enum store_kind row, int64_t id, node_ino_fn fn, void *arg)
{
	int rc = 0;

	for (const struct kind *kind = tree; kind < tree + KINDS && !rc; kind++)
		if (kind->notify && kind->row == row)
			rc = fn(ino_make(node_kind_number(kind), 0, id), arg);
	return rc;
}

/* Whether the kernel caches its attributes for a moment: it is AT_RENEWED, or a
 * value, whose time changes with that of others of the object. */
static bool is_cached_briefly(const struct attr *attr)
{
	return node_has(attr, AT_RENEWED) ||
	       (attr && attr->store && !node_has(attr, AT_VOLATILE));
}

bool node_is_listed(uint64_t ino)
{
	return ino_kind(ino) < KINDS && tree[ino_kind(ino)].listed &&
	       !ino_attr(ino);
}

int node_each_listed(enum store_kind row, int64_t id, node_ino_fn fn, void *arg)
{
	int rc = 0;

	for (const struct kind *kind = tree; kind < tree + KINDS && !rc; kind++)
		if (kind->listed && kind->row == row)
			rc = fn(ino_make(node_kind_number(kind), 0, id), arg);
	return rc;
}

int node_each_cached(uint64_t dir, node_ino_fn fn, void *arg)
{
	const struct kind *kind = &tree[ino_kind(dir)];
	int rc = 0;

	for (size_t i = 0; i < kind->attrs && !rc; i++)
		if (is_cached_briefly(&kind->attr[i]))
			rc = fn(ino_make(ino_kind(dir), kind->attr[i].number,
				    ino_id(dir)),
			    arg);
	return rc;
}

/* Whether it is always there, under this number, in an object's directory. */
static bool is_permanent(const struct node *node)
{
	const struct kind *kind = node->kind;

	return !node->draft && !node->attr->present &&
	       !node_has(node->attr, AT_CONVERSATION) && !kind->flat &&
	       !kind->is_volatile && !kind->exported &&
	       kind->row != STORE_PLACE;
}

/*
 * Names of files are cached only if they can be invalidated: the kernel checks
 * chmod and chown against its cached owner, which it refreshes by a lookup
 * only, and a file's owner changes with its directory's. Also, a file can be
 * renamed to a backup (node_draft.c), which the kernel would take for the file.
 */
double node_entry_timeout(const struct node *node, bool forgettable)
{
	if (!node->attr)
		return node_timeout(node);
	return forgettable && is_permanent(node) ? cache_seconds : 0;
}

/* Of names that are cached, the reply may come too late (ops_cached.c). */
double node_lookup_timeout(const struct node *node, bool forgettable)
{
	if (node_has(node->attr, AT_RENEWED) && forgettable)
		return 0;
	return node_has(node->attr, AT_CONVERSATION) ? conversation_seconds
						     : node_timeout(node);
}

double node_timeout(const struct node *node)
{
	bool changes = node->attr
			   ? node_has(node->attr, AT_VOLATILE | AT_CONVERSATION)
			   : node->kind->is_volatile;

	if (is_cached_briefly(node->attr))
		return moment_seconds;
	return changes ? 0 : cache_seconds;
}
