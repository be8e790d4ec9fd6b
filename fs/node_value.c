/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/node_internal.h"

/* Contents of files: rendering them, and storing what was written. */

int node_content(struct store *store, const struct node *node, struct bytes *out)
{
	const struct attr *attr = node->attr;
	bool bare = attr->store && (node->row.object.bare >> attr->number & 1);
	size_t before = out->len;
	int rc = attr->show ? attr->show(store, &node->row, out) : 1;

	if (rc || node_has(attr, AT_DOCUMENT | AT_LINK) || bare)
		return rc < 0 ? rc : 0;
	if (node_has(attr, AT_LINES) && out->len == before)
		return 0;
	return bytes_add(out, "\n", 1);
}

int node_store(struct fs_request *rq, const struct node *node,
    const struct bytes *value, bool again, struct store_before *before)
{
	const struct attr *attr = node->attr;
	CLEANUP_BYTES struct bytes text = {0};
	bool bare = !value->len || value->data[value->len - 1] != '\n';
	size_t len = value->len - !bare;
	int rc = store_check_secret(
	    rq->store, &rq->call, value->data, value->len);

	if (rc)
		return rc;
	if (len > attr->max)
		return store_refuse(&rq->call, -EFBIG,
		    "a value here has at most %zu bytes", attr->max);
	rc = bytes_add(&text, value->data, len);
	if (!rc)
		rc = bytes_add(&text, "", 1);
	if (rc)
		return rc;
	if (strlen((const char *)text.data) != len)
		return store_refuse(&rq->call, -EINVAL, "a value has no NUL");
	if (!node_has(attr, AT_LINES) &&
	    strcspn((const char *)text.data, "\n") != len)
		return store_refuse(&rq->call, -EINVAL, "a value is one line");
	struct input input = {
	    .text = (const char *)text.data,
	    .bare = bare,
	    .again = again,
	    .bit = UINT64_C(1) << attr->number,
	    .before = before,
	};
	return attr->store(rq->store, &rq->call, &node->row, &input);
}

int node_replace(
    struct fs_request *rq, const struct node *node, const struct bytes *content)
{
	CLEANUP_BYTES struct bytes reply = {0};

	if (!node->attr->submit)
		return node_store(rq, node, content, false, NULL);
	int rc = node->attr->submit(rq->store, &rq->call, &node->row, NULL,
	    content->data, content->len, &reply);
	return rc == 1 ? store_refuse(
			     &rq->call, -EBADMSG, "something is missing in it")
		       : rc;
}
