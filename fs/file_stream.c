/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file_internal.h"

/* A file that only grows: each read asks for what is there now. */

struct stream {
	struct file file;
	union store_any row;
};

static int open_stream(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	(void)rq;
	((struct stream *)f)->row = node->row;
	return 0;
}

static int read_stream(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	const struct stream *s = (struct stream *)f;

	return f->attr->read(rq->store, &s->row, offset, size, out);
}

const struct file_ops file_stream_ops = {
    .size = sizeof(struct stream),
    .open = open_stream,
    .read = read_stream,
};
