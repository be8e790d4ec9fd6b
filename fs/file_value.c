/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file_internal.h"
#include "fs/node_internal.h"

/*
 * One value, open for writing. Each write stores what this open has written so
 * far, from offset 0, so that the caller gets the error from write(2). Reads
 * show the value as of open.
 */

struct value {
	struct file file;
	struct node node;
	struct bytes written;
	/* It has been stored, and must not be stored again (+1, say). */
	bool once;
	/* A write was refused: until it is truncated, nothing more is taken.
	 * bash's printf goes on with the next line, which would be taken for
	 * the value. */
	bool refused;
	/* A list that was truncated, with nothing written since: it becomes
	 * empty with the last close. */
	bool emptied;
	/* A list that was opened to append: the first write begins with what
	 * the list is then. */
	bool appends;
	gid_t gid; /* of the process that opened it */
	/* What to put back then; allocated by the first write. */
	struct store_before *before;
};

static int open_value(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	struct value *v = (struct value *)f;

	v->node = *node;
	v->gid = rq->call.gid;
	v->emptied = f->flags & O_TRUNC;
	v->appends = f->flags & O_APPEND && !v->emptied &&
		     node_has(node->attr, AT_LINES);
	return file_readable(f) ? node_content(rq->store, node, &f->content)
				: 0;
}

/* Appends the value with these bytes in place. */
static int compose(const struct value *v, struct fs_request *rq,
    const void *data, size_t size, off_t offset, struct bytes *out)
{
	size_t max = v->file.attr->max;
	/* the newline, and one byte more to see that it is too long */
	size_t most = max + 2;
	size_t at = offset == FILE_END ? v->written.len : (size_t)offset;

	if (at > v->written.len)
		return store_refuse(&rq->call, -EINVAL, "a value has no holes");
	if (size > most || at + size > most) {
		int rc = store_check_secret(rq->store, &rq->call, data, size);
		return rc ? rc
			  : store_refuse(&rq->call, -EFBIG,
				"a value here has at most %zu bytes", max);
	}
	int rc = bytes_add(out, v->written.data, v->written.len);
	if (!rc && at + size > out->len)
		rc = bytes_extend(out, at + size - out->len);
	if (!rc)
		memcpy(out->data + at, data, size);
	return rc;
}

/* Whether this is nothing but the newline that the value still lacks. */
static bool is_final_newline(
    const struct value *v, const char *data, size_t size, off_t offset)
{
	const struct bytes *written = &v->written;

	return size == 1 && *data == '\n' && written->len &&
	       written->data[written->len - 1] != '\n' &&
	       (offset == FILE_END || (size_t)offset == written->len);
}

/* What is appended to. */
static int begin_append(struct value *v, struct fs_request *rq)
{
	struct node now;
	int rc = v->appends ? node_get(rq->store, v->file.ino, &now) : 0;

	if (!rc && v->appends)
		rc = node_content(rq->store, &now, &v->written);
	v->appends = v->appends && rc;
	return rc;
}

static int store_value(struct value *v, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	CLEANUP_BYTES struct bytes value = {0};

	if (v->once && !is_final_newline(v, data, size, offset))
		return store_refuse(
		    &rq->call, -EINVAL, "this counts once for each open");
	int rc = begin_append(v, rq);
	if (!rc)
		rc = compose(v, rq, data, size, offset, &value);
	if (!rc)
		rc = node_store(rq, &v->node, &value, v->once, v->before);
	if (rc < 0)
		return rc;
	bytes_swap(&v->written, &value);
	v->once = rc;
	return 0;
}

/*
 * The first part of a value was stored and a later one refused: puts back the
 * value from before the open, and adds to the reason whether that succeeded.
 */
static void put_back(struct value *v, struct fs_request *rq)
{
	struct store_call *call = &rq->call, undo = *call;
	size_t len = strlen(call->reason);
	bool back = !store_put_back(
	    rq->store, &undo, &v->node.row.object, v->before);

	snprintf(call->reason + len, sizeof(call->reason) - len, "; %s",
	    back ? "what stood before is back" : "what stands there stays");
	v->once = v->once && !back;
	bytes_free(&v->written);
}

static int write_value(struct file *f, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	struct value *v = (struct value *)f;

	if (!size)
		return 0;
	node_target(rq, "set", &v->node, NULL);
	if (!v->before)
		v->before = calloc(1, sizeof(*v->before));
	if (!v->before)
		return -ENOMEM;
	if (v->refused)
		return store_refuse(&rq->call, -EINVAL,
		    "a part of this value has been refused; open the file again");
	v->emptied = false;
	int rc = store_value(v, rq, data, size, offset);
	v->refused = rc != 0;
	if (rc && v->written.len)
		put_back(v, rq);
	return rc;
}

static void truncate_value(struct file *f)
{
	struct value *v = (struct value *)f;

	if (!v->once)
		bytes_free(&v->written);
	v->refused = false;
	v->emptied = true;
	v->appends = false;
}

static size_t held(const struct file *f)
{
	const struct value *v = (const struct value *)f;

	return v->written.cap + (v->before ? sizeof(*v->before) : 0);
}

/* Stores a list without lines, as the process that opened it. */
static int store_empty(struct value *v, struct fs_request *rq)
{
	const struct file *f = &v->file;

	rq->store = f->store;
	rq->call = (struct store_call){
	    .uid = f->uid, .gid = v->gid, .pid = f->pid};
	node_target(rq, "set", &v->node, NULL);
	return node_store(rq, &v->node, &(struct bytes){0}, false, NULL);
}

static int release(struct file *f, struct fs_request *rq)
{
	struct value *v = (struct value *)f;
	int rc = 0;

	if (v->emptied && node_has(f->attr, AT_LINES))
		rc = store_empty(v, rq);
	bytes_free(&v->written);
	free(v->before);
	return rc;
}

const struct file_ops file_value_ops = {
    .size = sizeof(struct value),
    .open = open_value,
    .read = file_read_content,
    .read_page = file_read_current,
    .write = write_value,
    .truncate = truncate_value,
    .held = held,
    .release = release,
};
