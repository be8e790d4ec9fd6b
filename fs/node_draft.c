/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/hidden.h"
#include "fs/ino.h"
#include "fs/node_internal.h"

/* Drafts as nodes of the tree. */

/* A draft stands in for an attribute, or a directory, of no kind. */
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

/*
 * What keeps a backup of a file before it replaces it: by a link to it, or by
 * renaming it away and making it anew. Both leave its value in a draft. The
 * kernel asks for the directory's permissions only; the file's own are checked
 * here.
 */

/* Whether there is a value to be kept that is no secret, and one that this
 * caller may replace. */
static int may_keep(struct store *store, struct store_call *call,
    const struct node *dir, const struct node *file)
{
	const struct attr *attr = file->attr;

	if (!attr || !attr->show || node_has(attr, AT_LINK | AT_CONVERSATION))
		return store_refuse(call, -EPERM,
		    "it has no value that could be kept in a copy");
	if (file->row.object.managed || dir->row.object.managed)
		return store_refuse(call, -EPERM,
		    "it is managed: read-only until managed is 0");
	if (node_has(attr, AT_ROOT_OWNED) &&
	    !store_is_root_owner(store, call->uid))
		return store_refuse(call, -EPERM,
		    "only the owner of the mount's root may change it");
	if (!attr->store && !attr->submit)
		return store_refuse(call, -EACCES, "it is read-only");
	return node_access(store, call, file, R_OK | W_OK);
}

/* A draft of this name with what the file says now. */
static int keep(struct store *store, struct store_call *call,
    const struct node *dir, const struct node *file, const char *name,
    struct node *out)
{
	CLEANUP_BYTES struct bytes content = {0};
	struct stat st;
	int rc = node_content(store, file, &content);

	if (!rc)
		rc = node_stat(store, file, &st);
	if (!rc)
		rc = node_make_draft(
		    store, call, dir, name, S_IFREG | (st.st_mode & 0777), out);
	if (rc)
		return rc;
	rc = draft_write(out->draft, content.data, content.len, 0);
	if (rc)
		draft_unlink(out->draft);
	return rc;
}

/* Whether the directory has this file. */
static bool stands_in(
    struct store *store, const struct node *dir, const struct node *file)
{
	char name[NAME_MAX_LEN + 32];
	struct node found;

	snprintf(name, sizeof(name), "%s%s",
	    file->kind->flat ? file->row.object.name : "", file->attr->name);
	return !node_lookup(store, dir, name, &found) && found.ino == file->ino;
}

int node_link(struct store *store, struct store_call *call,
    const struct node *file, const struct node *dir, const char *name,
    struct node *out)
{
	int rc = node_check_name(store, call, name);

	if (!rc &&
	    (dir->kind->exported || !file->attr ||
		!stands_in(store, dir, file) || !node_draft_name(dir, name)))
		rc = store_refuse(call, -EPERM,
		    "a link can only be a backup beside a file, as max_uses.bak of max_uses");
	if (!rc)
		rc = may_keep(store, call, dir, file);
	if (!rc)
		rc = keep(store, call, dir, file, name, out);
	return node_refused(store, call, "link", file, rc);
}

int node_rename_away(struct store *store, struct store_call *call,
    const struct node *dir, const struct node *file, const char *name)
{
	int i = file->kind->flat
		    ? 0
		    : node_fixed_number(dir->kind, file->attr->name);
	struct node draft;
	uint64_t old;
	bool directory;

	if (!node_draft_name(dir, name))
		return store_refuse(call, -EPERM,
		    "a file can only be renamed to a backup, as max_uses to max_uses.bak");
	int rc = may_keep(store, call, dir, file);
	if (rc)
		return rc;
	if (!draft_find(dir->ino, name, &old, &directory))
		draft_unlink(old);
	rc = keep(store, call, dir, file, name, &draft);
	if (!rc)
		hidden_add(
		    file->kind->flat ? file->ino : dir->ino, (unsigned int)i);
	return rc;
}
