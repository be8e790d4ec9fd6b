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
#include "fs/ino.h"
#include "fs/node_internal.h"

/* Drafts as nodes of the tree, and requests that are dropped. */

void node_set_draft(struct node *node, uint64_t id, bool directory)
{
	static const struct attr attr = {
	    .number = 1, .name = "draft", .flags = AT_VOLATILE | AT_DOCUMENT};
	static const struct kind kind = {.name = "drafts", .is_volatile = true};

	*node = (struct node){
	    .kind = &kind,
	    .ino = ino_make(INO_DRAFT, directory ? 0 : attr.number, (int64_t)id),
	    .attr = directory ? NULL : &attr,
	    .draft = id,
	};
}

int node_find_draft(const struct node *dir, const char *name, struct node *out)
{
	uint64_t id;
	bool directory;
	int rc = draft_find(dir->ino, name, &id, &directory);

	if (!rc)
		node_set_draft(out, id, directory);
	return rc;
}

/* --- which names are drafts, and making them --- */

bool node_has_drafts(const struct node *dir)
{
	return tree[dir->kind->child].flat
		   ? !dir->kind->exported
		   : dir->kind->attrs && dir->kind->row != STORE_PLACE;
}

bool node_is_draft(
    const struct node *dir, const char *name, int flags, mode_t mode)
{
	const struct kind *child = &tree[dir->kind->child];
	const struct kind *kind = child->flat ? child : dir->kind;

	return node_has_drafts(dir) && !draft_name_drops(kind, name) &&
	       (draft_name_made(name, flags, mode) ||
		   draft_name_beside(kind, name));
}

/* Whether a name can be a backup's, which is made by link or rename. */
static bool is_backup(const struct node *dir, const char *name)
{
	return node_is_draft(dir, name, O_EXCL, 0);
}

int node_make_draft(const struct fs_request *rq, const struct node *dir,
    const char *name, mode_t mode, struct node *out)
{
	struct stat st = {
	    .st_uid = rq->call.uid, .st_nlink = 1, .st_blksize = 4096};
	struct store_owner above;
	uint64_t id;
	int rc = node_owner(rq->store, dir, &above);

	if (rc)
		return rc;
	st.st_gid = above.gid;
	st.st_mode = (mode & S_IFMT) | (mode & above.mode & ~rq->call.umask);
	clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	st.st_atim = st.st_ctim = st.st_mtim;
	rc = draft_create(dir->ino, name, &st, &id);
	if (!rc)
		node_set_draft(out, id, S_ISDIR(mode));
	return rc;
}

/* --- requests that are dropped --- */

const struct attr *node_drop_attr(
    const struct node *dir, const char *name, char member[NAME_MAX_LEN + 1])
{
	const struct kind *child = &tree[dir->kind->child];
	const struct attr *attr = dir->kind->child && child->flat
				      ? node_flat_attr(child, name, member)
				      : NULL;

	return node_has(attr, AT_DROP) ? attr : NULL;
}

int node_make_drop(const struct fs_request *rq, const struct node *dir,
    const char *name, mode_t mode, struct node *out)
{
	char member[NAME_MAX_LEN + 1];
	const struct attr *drop = node_drop_attr(dir, name, member);
	int rc = node_make_draft(rq, dir, name, S_IFREG | mode, out);

	if (rc)
		return rc;
	node_show_flat(rq->store, dir, drop, member);
	out->row = dir->row;
	out->drop = drop;
	memcpy(out->member, member, sizeof(member));
	return draft_reserve(out->draft);
}

static int submit_draft(struct fs_request *rq, const struct node *draft,
    const struct node *dir, const struct attr *drop, const char *member)
{
	CLEANUP_BYTES struct bytes request = {0}, reply = {0};
	int rc = draft_read(draft->draft, 0, DRAFT_MAX, &request);

	if (!rc)
		rc = drop->submit(rq->store, &rq->call, &dir->row, member,
		    request.data, request.len, &reply);
	if (rc == 1) {
		node_target(rq, "enroll", dir, member);
		return store_refuse(
		    &rq->call, -EBADMSG, "the request is not complete");
	}
	if (rc)
		return rc;
	draft_unlink(draft->draft);
	node_show_flat(rq->store, dir, drop, member);
	return 0;
}

/* --- renaming a draft --- */

/* Over an attribute: a write of it, whose error is the rename's. */
static int write_draft(struct fs_request *rq, const struct node *draft,
    const struct node *dir, const struct attr *attr)
{
	CLEANUP_BYTES struct bytes content = {0};
	struct node target = *dir;

	node_set(&target, dir->kind, attr, dir->row.object.id);
	node_target(rq, "set", &target, NULL);
	int rc = node_may_write(rq, &target);
	if (!rc)
		rc = node_access(rq, &target, W_OK);
	if (!rc)
		rc = draft_read(draft->draft, 0, DRAFT_MAX, &content);
	if (!rc)
		rc = node_replace(rq, &target, &content);
	if (rc < 0)
		return rc;
	hidden_show(
	    dir->ino, (unsigned int)node_fixed_number(dir->kind, attr->name));
	draft_unlink(draft->draft);
	return 0;
}

int node_rename_draft(struct fs_request *rq, const struct node *draft,
    const struct node *dir, const char *new_name)
{
	int i = node_fixed_number(dir->kind, new_name);
	const struct attr *attr = i < 0 ? NULL
					: node_fixed_attr(dir->kind, (size_t)i);
	char member[NAME_MAX_LEN + 1];
	const struct attr *drop = node_drop_attr(dir, new_name, member);

	if (drop && draft->attr)
		return submit_draft(rq, draft, dir, drop, member);
	if (draft->attr && i < 0 && is_backup(dir, new_name))
		return draft_rename(draft->draft, new_name);
	if (draft->attr && attr && !node_has(attr, AT_CONVERSATION) &&
	    (attr->store || attr->submit))
		return write_draft(rq, draft, dir, attr);
	node_target(rq, "rename", dir, new_name);
	return store_refuse(&rq->call, -EPERM,
	    "a temporary file can replace a writable one only");
}

/* --- backups: link, or rename and create anew --- */

/*
 * Programs keep a backup of a file before they replace it. Both ways leave its
 * value in a draft. The kernel checks the directory's permissions only; the
 * file's own are checked here.
 */
static int check_backup(
    struct fs_request *rq, const struct node *dir, const struct node *file)
{
	const struct attr *attr = file->attr;

	if (!attr || !attr->show || node_has(attr, AT_LINK | AT_CONVERSATION))
		return store_refuse(&rq->call, -EPERM,
		    "it has no value that could be kept in a copy");
	if (file->row.object.managed || dir->row.object.managed)
		return store_refuse(&rq->call, -EPERM,
		    "it is managed: read-only until managed is 0");
	if (node_has(attr, AT_ROOT_OWNED) &&
	    !store_is_root_owner(rq->store, rq->call.uid))
		return store_refuse(&rq->call, -EPERM,
		    "only the owner of the mount's root may change it");
	if (!attr->store && !attr->submit)
		return store_refuse(&rq->call, -EACCES, "it is read-only");
	return node_access(rq, file, R_OK | W_OK);
}

/* Makes a draft with the file's present content. */
static int make_backup(const struct fs_request *rq, const struct node *dir,
    const struct node *file, const char *name, struct node *out)
{
	CLEANUP_BYTES struct bytes content = {0};
	struct stat st;
	int rc = node_content(rq->store, file, &content);

	if (!rc)
		rc = node_stat(rq->store, file, &st);
	if (!rc)
		rc = node_make_draft(
		    rq, dir, name, S_IFREG | (st.st_mode & 0777), out);
	if (rc)
		return rc;
	rc = draft_write(out->draft, content.data, content.len, 0);
	if (rc)
		draft_unlink(out->draft);
	return rc;
}

/* Whether the file is in the directory. */
static bool is_in(
    struct store *store, const struct node *dir, const struct node *file)
{
	char name[NAME_MAX_LEN + 32];
	struct node found;

	snprintf(name, sizeof(name), "%s%s",
	    file->kind->flat ? file->row.object.name : "", file->attr->name);
	return !node_lookup(store, dir, name, &found) && found.ino == file->ino;
}

int node_link(struct fs_request *rq, const struct node *file,
    const struct node *dir, const char *name, struct node *out)
{
	node_target(rq, "link", file, NULL);
	int rc = node_check_name(rq, name);
	if (!rc && (dir->kind->exported || !file->attr ||
		       !is_in(rq->store, dir, file) || !is_backup(dir, name)))
		rc = store_refuse(&rq->call, -EPERM,
		    "a link can only be a backup beside a file, as max_uses.bak of max_uses");
	if (!rc)
		rc = check_backup(rq, dir, file);
	return rc ? rc : make_backup(rq, dir, file, name, out);
}

int node_rename_away(struct fs_request *rq, const struct node *dir,
    const struct node *file, const char *name)
{
	int i = file->kind->flat
		    ? 0
		    : node_fixed_number(dir->kind, file->attr->name);
	struct node draft;
	uint64_t old;
	bool directory;

	if (!is_backup(dir, name))
		return store_refuse(&rq->call, -EPERM,
		    "a file can only be renamed to a backup, as max_uses to max_uses.bak");
	int rc = check_backup(rq, dir, file);
	if (rc)
		return rc;
	if (!draft_find(dir->ino, name, &old, &directory))
		draft_unlink(old);
	rc = make_backup(rq, dir, file, name, &draft);
	if (!rc)
		hidden_add(
		    file->kind->flat ? file->ino : dir->ino, (unsigned int)i);
	return rc;
}
