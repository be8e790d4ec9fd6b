/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/draft_name.h"
#include "fs/hidden.h"
#include "fs/node_internal.h"

/* The half of the engine that changes things: making, removing, renaming,
 * storing values. */

static int refuse_exported(struct store_call *call)
{
	return store_refuse(call, -EPERM, "what is exported is read-only");
}

int node_check_name(
    struct store *store, struct store_call *call, const char *name)
{
	return store_check_secret(store, call, name, strlen(name));
}

/*
 * What is known of unknown groups: where neither the directory's owner nor
 * others could have written to it, the kernel has let the caller in by its
 * group.
 */
int node_learn_group(
    struct store *store, struct store_call *call, const struct node *dir)
{
	struct store_owner own;

	if (call->groups_count >= 0 || !call->uid)
		return 0;
	int rc = node_owner(store, dir, &own);
	if (rc)
		return rc;
	call->group_shown = own.uid != call->uid && !(own.mode & S_IWOTH);
	call->shown_gid = own.gid;
	return 0;
}

enum { OWNER = 6, GROUP = 3, OTHERS = 0 }; /* where their bits are in a mode */

static bool permits(mode_t mode, int whose, int access)
{
	return ((mode >> whose) & (mode_t)access) == (mode_t)access;
}

/* 1: it is for the group, and the caller's groups are unknown. */
static int check_access(struct store *store, const struct store_call *call,
    const struct node *node, int access)
{
	struct store_owner own;
	int rc = call->uid ? node_owner(store, node, &own) : 0;

	if (rc || !call->uid)
		return rc;
	int whose = own.uid == call->uid	    ? OWNER
		    : store_in_group(call, own.gid) ? GROUP
						    : OTHERS;
	if (permits(own.mode, whose, access))
		return 0;
	bool may_be = whose == OTHERS && call->groups_count < 0;
	return may_be && permits(own.mode, GROUP, access) ? 1 : -EACCES;
}

int node_access(struct store *store, struct store_call *call,
    const struct node *node, int access)
{
	int rc = check_access(store, call, node, access);

	if (rc == 1)
		return store_refuse(call, -EACCES,
		    "the caller's groups are unknown, since /proc hides its process");
	return rc == -EACCES ? store_refuse(call, rc,
				   "its owner and mode do not permit it")
			     : rc;
}

void node_uncreate(const struct node *node)
{
	if (node->draft)
		draft_unlink(node->draft);
}

static int show_again(
    struct store *store, const struct node *dir, size_t i, struct node *out)
{
	hidden_show(dir->ino, (unsigned int)i);
	return node_fixed_entry(store, dir, i, out);
}

/* What a draft would stand beside: files that somebody may want to replace.
 * NULL: nothing. */
static const struct kind *drafts_of(const struct node *dir)
{
	const struct kind *child = &tree[dir->kind->child];

	if (!node_has_drafts(dir))
		return NULL;
	return child->flat ? child : dir->kind;
}

static bool is_draft(
    const struct node *dir, const char *name, int flags, mode_t mode)
{
	const struct kind *kind = drafts_of(dir);

	return kind && !draft_name_drops(kind, name) &&
	       (draft_name_made(name, flags, mode) ||
		   draft_name_beside(kind, name));
}

bool node_draft_name(const struct node *dir, const char *name)
{
	return is_draft(dir, name, O_EXCL, 0);
}

/*
 * It belongs to its maker and the directory's group, and is never for others;
 * nothing of it is in the store.
 */
int node_make_draft(struct store *store, const struct store_call *call,
    const struct node *dir, const char *name, mode_t mode, struct node *out)
{
	struct stat st = {
	    .st_uid = call->uid, .st_nlink = 1, .st_blksize = 4096};
	struct store_owner above;
	uint64_t id;
	int rc = node_owner(store, dir, &above);

	if (rc)
		return rc;
	st.st_gid = above.gid;
	st.st_mode = (mode & S_IFMT) | (mode & above.mode & ~call->umask);
	clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	st.st_atim = st.st_ctim = st.st_mtim;
	rc = draft_create(dir->ino, name, &st, &id);
	if (!rc)
		node_set_draft(out, id, S_ISDIR(mode));
	return rc;
}

int node_make(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, mode_t mode, struct node *out)
{
	const struct kind *child = &tree[dir->kind->child];
	int i = node_fixed_number(dir->kind, name);

	int rc = dir->kind->exported ? refuse_exported(call)
				     : node_check_name(store, call, name);
	if (rc)
		return node_refused_in(store, call, "mkdir", dir, name, rc);
	/* a fixed directory that has just been removed */
	if (i >= 0 && !node_fixed_attr(dir->kind, (size_t)i) &&
	    hidden_has(dir->ino, (unsigned int)i))
		return show_again(store, dir, (size_t)i, out);
	/* not by O_EXCL, which mkdir has not */
	if (i < 0 && is_draft(dir, name, 0, 0))
		return node_make_draft(
		    store, call, dir, name, S_IFDIR | mode, out);
	if (!dir->kind->child)
		return node_refused_in(store, call, "mkdir", dir, name,
		    store_refuse(call, -EPERM, "no directory can be made here"));
	struct store_owner above;
	rc = node_owner(store, dir, &above);
	if (rc)
		return rc;
	rc = store_make(store, call, child->row, dir->row.object.id, &above,
	    name, mode, &out->row);
	if (!rc)
		node_set(out, child, NULL, out->row.object.id);
	return node_refused_in(store, call, "mkdir", dir, name, rc);
}

static int stop_at_first(const union store_any *row, void *arg)
{
	(void)row;
	*(bool *)arg = true;
	return 1;
}

static int check_empty(
    struct store *store, struct store_call *call, const struct node *dir)
{
	bool some = false;
	int rc = store_each(store, tree[dir->kind->child].row,
	    dir->row.object.id, 0, stop_at_first, &some);

	return !rc && some
		   ? store_refuse(call, -ENOTEMPTY, "there is something in it")
		   : rc;
}

/* Whether the object that a directory belongs to could be deleted, and by this
 * caller. */
static int may_delete(
    struct store *store, struct store_call *call, const struct node *dir)
{
	struct node above;
	int rc = store_may_remove(
	    store, call, dir->kind->row, dir->row.object.id);

	if (!rc)
		rc = node_get(store, node_parent_ino(dir), &above);
	if (!rc)
		rc = check_access(store, call, &above, W_OK);
	/* the kernel will ask for that itself at the rmdir; until then nothing
	 * is lost */
	if (rc == 1)
		return 0;
	return rc == -EACCES ? store_refuse(call, rc,
				   "not allowed to delete what this belongs to")
			     : rc;
}

/*
 * Hides a file or fixed directory of an object that somebody is about to
 * delete. Where the object may not be deleted, this is where it is told.
 */
static int hide(struct store *store, struct store_call *call,
    const struct node *dir, size_t i, const struct node *entry,
    const char *what)
{
	int rc = may_delete(store, call, dir);

	if (!rc && !entry->attr && !tree[entry->kind->child].flat)
		rc = check_empty(store, call, entry);
	if (rc)
		return node_refused_in(store, call, what, dir,
		    entry->attr ? entry->attr->name : dir->kind->dir[i].name,
		    rc);
	if (!entry->attr)
		hidden_renew(entry->ino);
	hidden_add(dir->ino, (unsigned int)i);
	return 0;
}

/*
 * A file of something without a directory: hidden like an attribute. Where
 * there are more than can be kept in mind they are there again at once; what
 * removes trees does not look back.
 */
static int unlink_flat(struct store *store, struct store_call *call,
    const struct node *dir, const char *name)
{
	struct node entry;
	int rc = node_find_child(store, dir, name, &entry);

	if (!rc && !entry.attr)
		rc = -EISDIR;
	if (!rc)
		rc = may_delete(store, call, dir);
	if (!rc)
		hidden_add(entry.ino, 0);
	return node_refused_in(store, call, "unlink", dir, name, rc);
}

static int end_draft(const struct node *draft, bool directory)
{
	if (directory != !draft->attr)
		return directory ? -ENOTDIR : -EISDIR;
	draft_unlink(draft->draft);
	return 0;
}

int node_unlink(struct store *store, struct store_call *call,
    const struct node *dir, const char *name)
{
	struct node entry;
	int i = node_fixed_number(dir->kind, name);
	int rc = i < 0 ? node_find_draft(dir, name, &entry)
		       : node_fixed_entry(store, dir, (size_t)i, &entry);

	if (dir->kind->exported)
		return node_refused_in(
		    store, call, "unlink", dir, name, refuse_exported(call));
	if (rc == -ENOENT && i < 0)
		return unlink_flat(store, call, dir, name);
	if (!rc && entry.draft)
		return end_draft(&entry, false);
	return rc ? rc : hide(store, call, dir, (size_t)i, &entry, "unlink");
}

static int forget_hidden(uint64_t ino, void *arg)
{
	(void)arg;
	hidden_forget(ino);
	return 0;
}

int node_remove(struct store *store, struct store_call *call,
    const struct node *dir, const char *name)
{
	struct node child;
	int i = node_fixed_number(dir->kind, name);
	int rc = node_lookup(store, dir, name, &child);

	if (dir->kind->exported)
		return node_refused_in(
		    store, call, "rmdir", dir, name, refuse_exported(call));
	if (rc)
		return rc;
	if (child.draft)
		return end_draft(&child, true);
	if (i >= 0)
		return hide(store, call, dir, (size_t)i, &child, "rmdir");
	rc = store_remove(store, call, child.kind->row, child.row.object.id);
	if (!rc) {
		hidden_forget(child.ino);
		node_each_follower(&child, forget_hidden, NULL);
	}
	return node_refused(store, call, "rmdir", &child, rc);
}

/* The file that dropping one of this name makes, for a member; NULL: none. */
static const struct attr *drop_attr(
    const struct node *dir, const char *name, char member[NAME_MAX_LEN + 1])
{
	const struct kind *child = &tree[dir->kind->child];
	const struct attr *attr = dir->kind->child && child->flat
				      ? node_flat_attr(child, name, member)
				      : NULL;

	return node_has(attr, AT_DROP) ? attr : NULL;
}

/* Until the request is complete a draft stands where the file will be; it goes
 * with the handle. */
static int make_drop(struct store *store, const struct store_call *call,
    const struct node *dir, const char *name, mode_t mode, struct node *out)
{
	char member[NAME_MAX_LEN + 1];
	const struct attr *drop = drop_attr(dir, name, member);
	int rc = node_make_draft(store, call, dir, name, S_IFREG | mode, out);

	if (rc)
		return rc;
	node_show_flat(store, dir, drop, member);
	out->row = dir->row;
	out->drop = drop;
	memcpy(out->member, member, sizeof(member));
	return draft_reserve(out->draft);
}

/*
 * The kernel lets whoever may write the directory create a file in it. This one
 * has an owner and a mode, and they count.
 */
static int create_again(struct store *store, struct store_call *call,
    const struct node *dir, size_t i, int flags, struct node *out)
{
	const struct attr *attr = node_fixed_attr(dir->kind, i);
	int access = (flags & O_ACCMODE) == O_RDONLY   ? R_OK
		     : (flags & O_ACCMODE) == O_WRONLY ? W_OK
						       : R_OK | W_OK;

	if (!attr || node_has(attr, AT_LINK))
		return store_refuse(
		    call, -EPERM, "there is no file of that name here");
	*out = *dir;
	node_set(out, dir->kind, attr, dir->row.object.id);
	int rc = node_access(store, call, out, access);
	if (rc)
		return node_refused(store, call, "create", out, rc);
	return show_again(store, dir, i, out);
}

static int refuse_name(struct store_call *call, const char *name)
{
	if (strlen(name) > NAME_MAX_LEN)
		return store_refuse(call, -ENAMETOOLONG,
		    "a name has at most %d bytes", NAME_MAX_LEN);
	return store_refuse(call, -EPERM, "there is no file of that name here");
}

int node_create(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, int flags, mode_t mode,
    struct node *out)
{
	int i = node_fixed_number(dir->kind, name);

	int rc = dir->kind->exported ? refuse_exported(call)
				     : node_check_name(store, call, name);
	if (rc)
		return node_refused_in(store, call, "create", dir, name, rc);
	if (i >= 0 && hidden_has(dir->ino, (unsigned int)i))
		return create_again(store, call, dir, (size_t)i, flags, out);
	if (drop_attr(dir, name, out->member))
		return make_drop(store, call, dir, name, mode, out);
	if (i < 0 && is_draft(dir, name, flags, mode))
		return node_make_draft(
		    store, call, dir, name, S_IFREG | mode, out);
	return node_refused_in(
	    store, call, "create", dir, name, refuse_name(call, name));
}

int node_may_write(
    struct store *store, struct store_call *call, const struct node *node)
{
	if (!node->attr->store && !node->attr->submit)
		return store_refuse(call, -EACCES, "it is read-only");
	if (node_has(node->attr, AT_ROOT_OWNED) &&
	    !store_is_root_owner(store, call->uid))
		return store_refuse(call, -EACCES,
		    "only the owner of the mount's root may change it");
	return 0;
}

/* Checks the form that all values have and hands it to its handler. */
int node_store(struct store *store, struct store_call *call,
    const struct node *node, const struct bytes *value, bool again,
    struct store_before *before)
{
	const struct attr *attr = node->attr;
	CLEANUP_BYTES struct bytes text = {0};
	bool bare = !value->len || value->data[value->len - 1] != '\n';
	size_t len = value->len - !bare;
	int rc = store_check_secret(store, call, value->data, value->len);

	if (rc)
		return rc;
	if (len > attr->max)
		return store_refuse(call, -EFBIG,
		    "a value here has at most %zu bytes", attr->max);
	rc = bytes_add(&text, value->data, len);
	if (!rc)
		rc = bytes_add(&text, "", 1);
	if (rc)
		return rc;
	if (strcspn((const char *)text.data, "\n") != len)
		return store_refuse(call, -EINVAL, "a value is one line");
	struct input input = {
	    .text = (const char *)text.data,
	    .bare = bare,
	    .again = again,
	    .bit = UINT64_C(1) << attr->number,
	    .before = before,
	};
	return attr->store(store, call, &node->row, &input);
}

/* Over a request's name it is a drop. */
static int drop_draft(struct store *store, struct store_call *call,
    const struct node *draft, const struct node *dir, const struct attr *drop,
    const char *member)
{
	CLEANUP_BYTES struct bytes request = {0}, reply = {0};
	int rc = draft_read(draft->draft, 0, DRAFT_MAX, &request);

	if (!rc)
		rc = drop->submit(store, call, &dir->row, member, request.data,
		    request.len, &reply);
	if (rc == 1)
		return node_refused_in(store, call, "enroll", dir, member,
		    store_refuse(call, -EBADMSG, "the request is not complete"));
	if (rc)
		return rc;
	draft_unlink(draft->draft);
	node_show_flat(store, dir, drop, member);
	return 0;
}

/* A whole file takes the place of an attribute. */
static int replace(struct store *store, struct store_call *call,
    const struct node *target, const struct bytes *content)
{
	CLEANUP_BYTES struct bytes reply = {0};

	if (!target->attr->submit)
		return node_store(store, call, target, content, false, NULL);
	int rc = target->attr->submit(store, call, &target->row, NULL,
	    content->data, content->len, &reply);
	return rc == 1
		   ? store_refuse(call, -EBADMSG, "something is missing in it")
		   : rc;
}

/* Over an attribute it is a write of that, told by the rename. */
static int rename_draft(struct store *store, struct store_call *call,
    const struct node *draft, const struct node *dir, const char *new_name)
{
	CLEANUP_BYTES struct bytes content = {0};
	int i = node_fixed_number(dir->kind, new_name);
	const struct attr *attr = i < 0 ? NULL
					: node_fixed_attr(dir->kind, (size_t)i);
	struct node target = *dir;
	char member[NAME_MAX_LEN + 1];
	const struct attr *drop = drop_attr(dir, new_name, member);

	if (drop && draft->attr)
		return drop_draft(store, call, draft, dir, drop, member);
	if (draft->attr && i < 0 && node_draft_name(dir, new_name))
		return draft_rename(draft->draft, new_name);
	if (!draft->attr || !attr || node_has(attr, AT_CONVERSATION) ||
	    !(attr->store || attr->submit))
		return node_refused_in(store, call, "rename", dir, new_name,
		    store_refuse(call, -EPERM,
			"a temporary file can replace a writable one only"));
	node_set(&target, dir->kind, attr, dir->row.object.id);
	int rc = node_may_write(store, call, &target);
	if (!rc)
		rc = node_access(store, call, &target, W_OK);
	if (!rc)
		rc = draft_read(draft->draft, 0, DRAFT_MAX, &content);
	if (!rc)
		rc = replace(store, call, &target, &content);
	if (rc < 0)
		return node_refused(store, call, "set", &target, rc);
	hidden_show(dir->ino, (unsigned int)i);
	draft_unlink(draft->draft);
	return 0;
}

int node_rename(struct store *store, struct store_call *call,
    const struct node *dir, const char *name, const struct node *new_dir,
    const char *new_name)
{
	struct node child;
	int rc = dir->kind->exported ? refuse_exported(call)
				     : node_check_name(store, call, new_name);

	if (rc)
		return node_refused_in(store, call, "rename", dir, name, rc);
	rc = node_lookup(store, dir, name, &child);
	if (rc)
		return rc;
	if (dir->ino != new_dir->ino)
		return node_refused(store, call, "rename", &child,
		    store_refuse(
			call, -EPERM, "it can be renamed in place only"));
	if (child.draft)
		return rename_draft(store, call, &child, dir, new_name);
	if (child.attr)
		return node_refused(store, call, "rename", &child,
		    node_rename_away(store, call, dir, &child, new_name));
	if (node_fixed_number(dir->kind, name) >= 0)
		return node_refused_in(store, call, "rename", dir, name,
		    store_refuse(call, -EPERM,
			"what is always there cannot be renamed"));
	rc = store_rename(
	    store, call, child.kind->row, child.row.object.id, new_name);
	return node_refused(store, call, "rename", &child, rc);
}
