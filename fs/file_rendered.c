/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file_internal.h"

/*
 * A file that shows what was rendered at open: read-only values and documents,
 * values that are opened for reading, the key that an open copies, what is
 * another text for each user. What cannot be read is empty.
 */

static int render(struct file *f, struct fs_request *rq, const struct node *node)
{
	const struct attr *attr = node->attr;

	if (attr->copy)
		return attr->copy(rq->store, &rq->call, &node->row, &f->content);
	return attr->report ? attr->report(rq->call.uid, &f->content)
			    : node_content(rq->store, node, &f->content);
}

/* The time comes first: a copying program copies a newer file again, but never
 * an older one. */
static int open_rendered(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	const struct attr *attr = node->attr;

	if (attr->copy)
		node_target(rq, "copy", node, NULL);
	f->fixed = attr->show || attr->copy || attr->report;
	int rc = node_moment(rq->store, node, NULL, &f->moment);
	return rc ? rc : render(f, rq, node);
}

static int read_page(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	return f->attr->show ? file_read_current(f, rq, offset, size, out)
			     : file_read(f, rq, offset, size, out);
}

static off_t length(const struct file *f)
{
	return (off_t)f->content.len;
}

const struct file_ops file_rendered_ops = {
    .size = sizeof(struct file),
    .open = open_rendered,
    .read = file_read_content,
    .read_page = read_page,
    .length = length,
};
