/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/hidden.h"
#include "fs/node_internal.h"

/* Making, creating, removing and renaming. */

void node_target(struct fs_request *rq, const char *action,
    const struct node *node, const char *name)
{
	const struct attr *attr = node->drop ? node->drop : node->attr;
	bool in_memory = node->draft && !node->drop;

	request_target(rq, action, in_memory ? NULL : &node->row.object,
	    attr ? attr->name : NULL, name);
}

static int show_again(
    struct store *store, const struct node *dir, size_t i, struct node *out)
{
	hidden_show(dir->ino, (unsigned int)i);
	return node_fixed_entry(store, dir, i, out);
}

static int make_object(struct fs_request *rq, const struct node *dir,
    const char *name, mode_t mode, struct node *out)
{
	const struct kind *child = &tree[dir->kind->child];
	struct store_owner above;
	int rc = node_owner(rq->store, dir, &above);

	if (!rc)
		rc = store_make(rq->store, &rq->call, child->row,
		    dir->row.object.id, &above, name, mode, &out->row);
	if (!rc)
		node_set(out, child, NULL, out->row.object.id);
	return rc;
}

int node_make(struct fs_request *rq, const struct node *dir, const char *name,
    mode_t mode, struct node *out)
{
	int i = node_fixed_number(dir->kind, name);

	node_target(rq, "mkdir", dir, name);
	int rc = node_check_exported(rq, dir);
	if (!rc)
		rc = node_check_name(rq, name);
	if (rc)
		return rc;
	/* a fixed directory that has just been removed */
	if (i >= 0 && !node_fixed_attr(dir->kind, (size_t)i) &&
	    hidden_has(dir->ino, (unsigned int)i))
		return show_again(rq->store, dir, (size_t)i, out);
	if (i < 0 && node_is_draft(dir, name, 0, 0))
		return node_make_draft(rq, dir, name, S_IFDIR | mode, out);
	if (!dir->kind->child)
		return store_refuse(
		    &rq->call, -EPERM, "no directory can be made here");
	return make_object(rq, dir, name, mode, out);
}

/* --- creating files --- */

/*
 * The kernel lets everyone with write permission on the directory create a file
 * in it. This one has an owner and a mode already, and they count.
 */
static int create_again(struct fs_request *rq, const struct node *dir, size_t i,
    int flags, struct node *out)
{
	const struct attr *attr = node_fixed_attr(dir->kind, i);
	int access = (flags & O_ACCMODE) == O_RDONLY   ? R_OK
		     : (flags & O_ACCMODE) == O_WRONLY ? W_OK
						       : R_OK | W_OK;

	if (!attr || node_has(attr, AT_LINK))
		return store_refuse(
		    &rq->call, -EPERM, "there is no file of that name here");
	*out = *dir;
	node_set(out, dir->kind, attr, dir->row.object.id);
	int rc = node_access(rq, out, access);
	return rc ? rc : show_again(rq->store, dir, i, out);
}

static int refuse_name(struct fs_request *rq, const char *name)
{
	if (strlen(name) > NAME_MAX_LEN)
		return store_refuse(&rq->call, -ENAMETOOLONG,
		    "a name has at most %d bytes", NAME_MAX_LEN);
	return store_refuse(
	    &rq->call, -EPERM, "there is no file of that name here");
}

int node_create(struct fs_request *rq, const struct node *dir, const char *name,
    int flags, mode_t mode, struct node *out)
{
	int i = node_fixed_number(dir->kind, name);

	node_target(rq, "create", dir, name);
	int rc = node_check_exported(rq, dir);
	if (!rc)
		rc = node_check_name(rq, name);
	if (rc)
		return rc;
	if (i >= 0 && hidden_has(dir->ino, (unsigned int)i))
		return create_again(rq, dir, (size_t)i, flags, out);
	if (node_drop_attr(dir, name, out->member))
		return node_make_drop(rq, dir, name, mode, out);
	if (i < 0 && node_is_draft(dir, name, flags, mode))
		return node_make_draft(rq, dir, name, S_IFREG | mode, out);
	return refuse_name(rq, name);
}

void node_uncreate(const struct node *node)
{
	if (node->draft)
		draft_unlink(node->draft);
	if (node->drop)
		draft_close(node->draft); /* the reservation */
}

/* --- removing --- */

static int stop_at_first(const union store_any *row, void *arg)
{
	(void)row;
	*(bool *)arg = true;
	return 1;
}

static int check_empty(struct fs_request *rq, const struct node *dir)
{
	bool some = false;
	int rc = store_each(rq->store, tree[dir->kind->child].row,
	    dir->row.object.id, 0, stop_at_first, &some);

	return !rc && some ? store_refuse(&rq->call, -ENOTEMPTY,
				 "there is something in it")
			   : rc;
}

/*
 * Hides a file or fixed directory of an object that is about to be deleted
 * (hidden.h). If the object may not be deleted, this is where the caller learns
 * it.
 */
static int hide(struct fs_request *rq, const struct node *dir, size_t i,
    const struct node *entry)
{
	int rc = node_may_delete(rq, dir);

	if (!rc && !entry->attr && !tree[entry->kind->child].flat)
		rc = check_empty(rq, entry);
	if (rc)
		return rc;
	if (!entry->attr)
		hidden_renew(entry->ino);
	hidden_add(dir->ino, (unsigned int)i);
	return 0;
}

/*
 * A file of an object without a directory is hidden like an attribute. If there
 * are more than hidden.h keeps, the oldest show again at once; programs that
 * remove trees do not look back.
 */
static int unlink_flat(
    struct fs_request *rq, const struct node *dir, const char *name)
{
	struct node entry;
	int rc = node_find_child(rq->store, dir, name, &entry);

	if (!rc && !entry.attr)
		rc = -EISDIR;
	if (!rc)
		rc = node_may_delete(rq, dir);
	if (!rc)
		hidden_add(entry.ino, 0);
	return rc;
}

static int remove_draft(const struct node *draft, bool directory)
{
	if (directory != !draft->attr)
		return directory ? -ENOTDIR : -EISDIR;
	draft_unlink(draft->draft);
	return 0;
}

int node_unlink(struct fs_request *rq, const struct node *dir, const char *name)
{
	struct node entry;
	int i = node_fixed_number(dir->kind, name);

	node_target(rq, "unlink", dir, name);
	int rc = node_check_exported(rq, dir);
	if (rc)
		return rc;
	rc = i < 0 ? node_find_draft(dir, name, &entry)
		   : node_fixed_entry(rq->store, dir, (size_t)i, &entry);
	if (rc == -ENOENT && i < 0)
		return unlink_flat(rq, dir, name);
	if (!rc && entry.draft)
		return remove_draft(&entry, false);
	return rc ? rc : hide(rq, dir, (size_t)i, &entry);
}

static int forget_hidden(uint64_t ino, void *arg)
{
	(void)arg;
	hidden_forget(ino);
	return 0;
}

static int remove_object(struct fs_request *rq, const struct node *object)
{
	node_target(rq, "rmdir", object, NULL);
	int rc = store_remove(
	    rq->store, &rq->call, object->kind->row, object->row.object.id);
	if (rc)
		return rc;
	hidden_forget(object->ino);
	return node_each_follower(object, forget_hidden, NULL);
}

int node_remove(struct fs_request *rq, const struct node *dir, const char *name)
{
	struct node child;
	int i = node_fixed_number(dir->kind, name);

	node_target(rq, "rmdir", dir, name);
	int rc = node_check_exported(rq, dir);
	if (!rc)
		rc = node_lookup(rq->store, dir, name, &child);
	if (rc)
		return rc;
	if (child.draft)
		return remove_draft(&child, true);
	return i >= 0 ? hide(rq, dir, (size_t)i, &child)
		      : remove_object(rq, &child);
}

/* --- renaming --- */

int node_rename(struct fs_request *rq, const struct node *dir, const char *name,
    const struct node *new_dir, const char *new_name)
{
	struct node child;

	node_target(rq, "rename", dir, name);
	int rc = node_check_exported(rq, dir);
	if (!rc)
		rc = node_check_name(rq, new_name);
	if (!rc)
		rc = node_lookup(rq->store, dir, name, &child);
	if (rc)
		return rc;
	if (dir->ino == new_dir->ino && child.draft)
		return node_rename_draft(rq, &child, dir, new_name);
	if (dir->ino == new_dir->ino && !child.attr &&
	    node_fixed_number(dir->kind, name) >= 0)
		return store_refuse(&rq->call, -EPERM,
		    "what is always there cannot be renamed");
	node_target(rq, "rename", &child, NULL);
	if (dir->ino != new_dir->ino)
		return store_refuse(
		    &rq->call, -EPERM, "it can be renamed in place only");
	return child.attr ? node_rename_away(rq, dir, &child, new_name)
			  : store_rename(rq->store, &rq->call, child.kind->row,
				child.row.object.id, new_name);
}
