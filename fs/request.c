/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A name that is not legal is not repeated: a provisioning key may have been
 * pasted as one. */
static const char *shown_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len > NAME_MAX_LEN)
		return "(too long)";
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '|')
			return "(not a name)";
	return len ? name : "";
}

void request_target(struct fs_request *rq, const char *action,
    const struct store_object *object, const char *file, const char *name)
{
	static const struct store_object nothing = {.place = STORE_ROOT};

	rq->action = action;
	rq->stranger = false;
	rq->object = object ? *object : nothing;
	rq->file = file ? file : "";
	snprintf(rq->name, sizeof(rq->name), "%s", shown_name(name));
}

void request_stranger(struct fs_request *rq, const char *action)
{
	rq->action = action;
	rq->stranger = true;
}

static bool is_refusal(const struct store_call *call, int rc)
{
	if (rc >= 0 || call->recorded)
		return false;
	return call->reason[0] ||
	       (rc != -ENOENT && rc != -ESTALE && rc != -ENOTDIR &&
		   rc != -EISDIR && rc != -ELOOP);
}

void request_log(struct fs_request *rq, int rc)
{
	char path[STORE_PATH], object[STORE_PATH + 96];

	if (!rq->action || !is_refusal(&rq->call, rc))
		return;
	if (rq->stranger) {
		store_log_stranger(rq->store, &rq->call, rq->action, rc);
		return;
	}
	store_path(&rq->object, path);
	snprintf(object, sizeof(object), "%s%s%s%s%s", path,
	    *rq->file && *path ? "/" : "", rq->file,
	    *rq->name && *path ? "/" : "", rq->name);
	store_log_refusal(rq->store, &rq->call, rq->action, object, rc);
}
