/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "fs/fresh.h"
#include "fs/ino.h"
#include "fs/node_internal.h"
#include "store/log.h"

/* Owner, group and mode of a node, and which nodes follow a directory's. */

/*
 * Until they are changed, the modes of files follow the directory's: read
 * permission on it grants reading the public files; write permission for owner
 * or group grants writing the others, enrolling, and reading the key.
 */
static mode_t file_mode(const struct attr *attr, mode_t dir)
{
	mode_t readable = dir & 0444, writers = dir & 0220;

	if (node_has(attr, AT_LINK))
		return 0777;
	if (node_has(attr, AT_CONVERSATION) && node_has(attr, AT_ROOT_OWNED))
		return 0600;
	if (node_has(attr, AT_CONVERSATION))
		return node_has(attr, AT_PUBLIC) ? 0666
						 : writers | writers << 1;
	if (attr->copy)
		return 0400 | (dir & 0020) << 1;
	if (node_has(attr, AT_ROOT_OWNED))
		return 0644;
	return readable | (attr->store || attr->submit ? writers : 0);
}

/* Whether this is the directory of an object; everything in it follows it. */
static bool is_object(const struct node *node)
{
	return !node->attr && !node->kind->follows;
}

/* The bit in store_object.owned. Of the directories of one object that follow
 * it, no two have kinds that differ by a multiple of 16. */
static uint64_t owned_bit(const struct node *node)
{
	return UINT64_C(1) << (node->attr
				   ? node->attr->number
				   : 48 + node_kind_number(node->kind) % 16);
}

/* Below export/: the owner of the mount's root, and the backup group. */
static int exported_owner(
    struct store *store, const struct node *node, struct store_owner *out)
{
	union store_any root;
	int rc = store_get(store, STORE_PLACE, STORE_ROOT, &root);

	*out = (struct store_owner){
	    .uid = root.object.uid,
	    .gid = store_export_group(store),
	    .mode = node->attr ? 0440 : 0550,
	    .ctime = root.object.ctime,
	};
	return rc;
}

struct follower {
	struct store *store;
	const struct node *node;
};

/* The owner of a file without one of its own. */
static void follow(const struct follower *f, const struct store_above *above,
    struct store_owner *out)
{
	const struct attr *attr = f->node->attr;

	*out = above->object;
	if (f->node->kind->rooted) {
		*out = above->root;
		out->mode = 0750;
	}
	/* about all groups; its object is the root */
	if (f->node->kind->audit || node_has(attr, AT_AUDIT)) {
		out->gid = store_audit_group(f->store, out->gid);
		out->mode = store_audit_private(f->store) ? 0550 : out->mode;
	}
	if (above->has_dir)
		*out = above->dir;
	if (attr)
		out->mode = file_mode(attr, out->mode);
	if (!node_has(attr, AT_ROOT_OWNED))
		return;
	out->uid = above->root.uid;
	out->gid = above->root.gid;
	if (above->root.ctime > out->ctime)
		out->ctime = above->root.ctime;
}

/* The directory between a file and its object that the file follows: tables/.
 * 0: none. */
static uint64_t dir_between(struct store *store, const struct node *node)
{
	if (!node->attr || !node->kind->audit || !store_audit_private(store))
		return 0;
	return ino_make(node_kind_number(node->kind), 0, node->row.object.id);
}

/* Whether its owner is that of the mount's root. */
static bool is_rooted(const struct node *node)
{
	return node->kind->rooted || node_has(node->attr, AT_ROOT_OWNED);
}

static struct store_owner own(const struct store_object *o)
{
	return (struct store_owner){o->uid, o->gid, o->mode, o->ctime};
}

static int followed_owner(
    struct store *store, const struct node *node, struct store_owner *out)
{
	struct store_above above = {.object = own(&node->row.object)};
	uint64_t dir = dir_between(store, node);
	union store_any root;
	int rc = 0;

	if (node->kind->exported)
		return exported_owner(store, node, out);
	if (is_rooted(node))
		rc = store_get(store, STORE_PLACE, STORE_ROOT, &root);
	if (!rc && is_rooted(node))
		above.root = own(&root.object);
	if (!rc && dir) {
		rc = store_file_owner(store, dir, &above.dir);
		above.has_dir = !rc;
	}
	if (rc && rc != -ENOENT)
		return rc;
	follow(&(struct follower){store, node}, &above, out);
	return 0;
}

int node_owner(
    struct store *store, const struct node *node, struct store_owner *out)
{
	if (!node->kind->exported && !is_object(node) &&
	    node->row.object.owned & owned_bit(node)) {
		int rc = store_file_owner(store, node_shown_ino(node), out);
		if (rc != -ENOENT)
			return rc; /* it has just lost its own owner, and
				      follows again */
	}
	return followed_owner(store, node, out);
}

/* The name of a file, or of a fixed directory. */
static const char *file_name(const struct node *node)
{
	if (node->attr)
		return node->attr->name;
	for (const struct kind *kind = tree; kind < tree + KINDS; kind++)
		for (size_t i = 0; i < kind->dirs; i++)
			if (kind->dir[i].kind == node_kind_number(node->kind))
				return kind->dir[i].name;
	return "";
}

static void follow_in_job(const struct store_file *file,
    const struct store_above *above, struct store_owner *out)
{
	follow(file->arg, above, out);
}

/* Bits in store_object.owned of the hidden files. */
static uint64_t unlisted(const struct kind *kind)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < kind->attrs; i++)
		if (node_has(&kind->attr[i], AT_HIDDEN))
			bits |= UINT64_C(1) << kind->attr[i].number;
	return bits;
}

/* Programs set modes on whole trees: no error if nothing would change. */
static int change_exported(struct fs_request *rq, const struct node *node,
    const struct store_chown *change)
{
	struct store_owner now, want;
	int rc = node_owner(rq->store, node, &now);

	if (!rc)
		rc = store_merge_owner(&rq->call, &now, change, &want);
	return rc ? rc : node_check_exported(rq, node);
}

int node_chown(struct fs_request *rq, const struct node *node,
    const struct store_chown *change)
{
	const struct store_object *o = &node->row.object;

	node_target(rq, "chown", node, NULL);
	if (node->kind->exported)
		return change_exported(rq, node, change);
	if (is_object(node))
		return store_chown(
		    rq->store, &rq->call, o, unlisted(node->kind), change);
	struct follower follower = {rq->store, node};
	struct store_file file = {
	    .name = file_name(node),
	    .dir = dir_between(rq->store, node),
	    .ino = node_shown_ino(node),
	    .bit = owned_bit(node),
	    /* flat and not exported: a file in enroll.d, below a member's group
	     * and a key */
	    .key = node->kind->flat ? node->row.member.key : 0,
	    .follow = follow_in_job,
	    .arg = &follower,
	};
	return store_chown_file(rq->store, &rq->call, o, &file, change);
}

static int each_number(const struct kind *kind, const struct attr *attr,
    int64_t id, node_ino_fn fn, void *arg)
{
	uint64_t ino = ino_make(node_kind_number(kind), attr->number, id);

	return node_has(attr, AT_CONVERSATION) ? fresh_each(ino, fn, arg)
					       : fn(ino, arg);
}

int node_each_follower(const struct node *node, node_ino_fn fn, void *arg)
{
	const struct kind *kind = node->kind;
	int64_t id = node->row.object.id;
	int rc = 0;

	if (node_has(node->attr, AT_CONVERSATION))
		return each_number(kind, node->attr, id, fn, arg);
	if (!is_object(node))
		return 0;
	for (size_t i = 0; i < kind->attrs && !rc; i++)
		rc = each_number(kind, &kind->attr[i], id, fn, arg);
	for (size_t i = 0; i < kind->dirs && !rc; i++)
		if (tree[kind->dir[i].kind].follows)
			rc = fn(ino_make(kind->dir[i].kind, 0, id), arg);
	return rc;
}
