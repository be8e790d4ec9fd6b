/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file_internal.h"
#include "store/snapshot.h"

/* A large document, of which all readers share one snapshot. */

struct list {
	struct file file;
	struct store_snapshot *snapshot; /* NULL: there is none yet */
};

static int open_list(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	struct list *l = (struct list *)f;
	int rc = node->attr->list(rq->store, &node->row, false, &l->snapshot);

	if (!rc)
		rc = node_moment(rq->store, node, l->snapshot, &f->moment);
	if (rc)
		store_snapshot_put(l->snapshot);
	f->fixed = l->snapshot != NULL;
	return rc;
}

static int read_list(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	const struct list *l = (struct list *)f;

	(void)rq;
	return l->snapshot ? store_snapshot_read(l->snapshot, offset, size, out)
			   : 0;
}

static int read_page(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	struct store_snapshot *snapshot = NULL;
	struct node now;
	int rc = node_get(rq->store, f->ino, &now);

	if (!rc)
		rc = f->attr->list(rq->store, &now.row, false, &snapshot);
	if (rc || !snapshot)
		return rc;
	rc = store_snapshot_read(snapshot, offset, size, out);
	store_snapshot_put(snapshot);
	return rc;
}

static int release(struct file *f, struct fs_request *rq)
{
	(void)rq;
	store_snapshot_put(((struct list *)f)->snapshot);
	return 0;
}

static off_t length(const struct file *f)
{
	return (off_t)store_snapshot_size(((const struct list *)f)->snapshot);
}

const struct file_ops file_list_ops = {
    .size = sizeof(struct list),
    .open = open_list,
    .read = read_list,
    .read_page = read_page,
    .release = release,
    .length = length,
};
