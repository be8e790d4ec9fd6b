/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/node.h"

/* What is recorded of a refusal: where, why, and never a secret. */

static bool is_refusal(const struct store_call *call, int rc)
{
	if (rc >= 0 || call->recorded)
		return false;
	/* with a reason it is one: of a key that must not be copied, of a
	 * certificate that is named */
	return call->reason[0] ||
	       (rc != -ENOENT && rc != -ESTALE && rc != -ENOTDIR &&
		   rc != -EISDIR && rc != -ELOOP);
}

/* What is no name here is not repeated: a provisioning key may have been pasted
 * as one. */
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

int node_refused_in(struct store *store, struct store_call *call,
    const char *action, const struct node *node, const char *name, int rc)
{
	char path[STORE_PATH] = "", object[STORE_PATH + 96];
	const char *attr = node->attr ? node->attr->name : "";

	if (!is_refusal(call, rc))
		return rc;
	if (!node->draft)
		store_path(&node->row.object, path);
	name = shown_name(name);
	snprintf(object, sizeof(object), "%s%s%s%s%s", path,
	    *attr && *path ? "/" : "", attr, *name && *path ? "/" : "", name);
	store_log_refusal(store, call, action, object, rc);
	return rc;
}

int node_refused(struct store *store, struct store_call *call,
    const char *action, const struct node *node, int rc)
{
	return node_refused_in(store, call, action, node, NULL, rc);
}
