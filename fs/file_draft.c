/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft.h"
#include "fs/file_internal.h"

/* A temporary file or backup in memory. Its content, and its limits, are those
 * of draft.h. */

struct draft_file {
	struct file file;
	uint64_t id;
};

static uint64_t id(const struct file *f)
{
	return ((const struct draft_file *)f)->id;
}

static int open_draft(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	(void)rq;
	((struct draft_file *)f)->id = node->draft;
	return draft_open(node->draft, file_writable(f) && f->flags & O_TRUNC);
}

static int read_draft(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	(void)rq;
	return draft_read(id(f), offset, size, out);
}

static int write_draft(struct file *f, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	request_target(rq, "write", NULL, f->attr->name, NULL);
	return draft_write(id(f), data, size, offset);
}

static int release(struct file *f, struct fs_request *rq)
{
	(void)rq;
	draft_close(id(f));
	return 0;
}

const struct file_ops file_draft_ops = {
    .size = sizeof(struct draft_file),
    .open = open_draft,
    .read = read_draft,
    .write = write_draft,
    .release = release,
};
