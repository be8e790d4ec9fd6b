/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/node_internal.h"

/* Permissions that the kernel does not check. */

int node_check_exported(struct fs_request *rq, const struct node *node)
{
	return node->kind->exported ? store_refuse(&rq->call, -EPERM,
					  "what is exported is read-only")
				    : 0;
}

int node_check_name(struct fs_request *rq, const char *name)
{
	return store_check_secret(rq->store, &rq->call, name, strlen(name));
}

int node_learn_group(struct fs_request *rq, const struct node *dir)
{
	struct store_call *call = &rq->call;
	struct store_owner own;

	if (call->groups_count >= 0 || !call->uid)
		return 0;
	int rc = node_owner(rq->store, dir, &own);
	if (rc)
		return rc;
	/* neither the owner's bits nor those of others let it in */
	call->group_shown = own.uid != call->uid && !(own.mode & S_IWOTH);
	call->shown_gid = own.gid;
	return 0;
}

enum { OWNER = 6, GROUP = 3, OTHERS = 0 }; /* where their bits are in a mode */

static bool permits(mode_t mode, int class, int access)
{
	return ((mode >> class) & (mode_t)access) == (mode_t)access;
}

/* Returns 0, -EACCES, or 1: the group's bits would permit it, and the caller's
 * groups are unknown. */
static int check_access(
    const struct fs_request *rq, const struct node *node, int access)
{
	const struct store_call *call = &rq->call;
	struct store_owner own;
	int rc = call->uid ? node_owner(rq->store, node, &own) : 0;

	if (rc || !call->uid)
		return rc;
	int class = own.uid == call->uid	    ? OWNER
		    : store_in_group(call, own.gid) ? GROUP
						    : OTHERS;
	if (permits(own.mode, class, access))
		return 0;
	bool may_be = class == OTHERS && call->groups_count < 0;
	return may_be && permits(own.mode, GROUP, access) ? 1 : -EACCES;
}

int node_access(struct fs_request *rq, const struct node *node, int access)
{
	int rc = check_access(rq, node, access);

	if (rc == 1)
		return store_refuse(&rq->call, -EACCES,
		    "the caller's groups are unknown, since /proc hides its process");
	return rc == -EACCES ? store_refuse(&rq->call, rc,
				   "its owner and mode do not permit it")
			     : rc;
}

int node_may_delete(struct fs_request *rq, const struct node *dir)
{
	struct node above;
	int rc = store_may_remove(
	    rq->store, &rq->call, dir->kind->row, dir->row.object.id);

	if (!rc)
		rc = node_get(rq->store, node_parent_ino(dir), &above);
	if (!rc)
		rc = check_access(rq, &above, W_OK);
	/* the kernel checks the group at the rmdir; until then nothing is
	 * lost */
	if (rc == 1)
		return 0;
	return rc == -EACCES ? store_refuse(&rq->call, rc,
				   "not allowed to delete what this belongs to")
			     : rc;
}

int node_may_write(struct fs_request *rq, const struct node *node)
{
	if (!node->attr->store && !node->attr->submit)
		return store_refuse(&rq->call, -EACCES, "it is read-only");
	if (node_has(node->attr, AT_ROOT_OWNED) &&
	    !store_is_root_owner(rq->store, rq->call.uid))
		return store_refuse(&rq->call, -EACCES,
		    "only the owner of the mount's root may change it");
	return 0;
}
