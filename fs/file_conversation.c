/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/draft.h"
#include "fs/file_internal.h"
#include "fs/quota.h"
#include "store/enrollment.h"

/*
 * What is written is collected, and submitted in the write that completes it.
 * In a conversation (enroll, renew, a request that is being dropped) the reply,
 * or the reason of the refusal, is then read through the same open file; other
 * files (cert.pem, import) read as they were at open. Once the reply has been
 * read to its end, a conversation (but not a drop) takes the next request.
 */

struct conversation {
	struct file file;
	struct node node;
	const struct attr *attr; /* to which it is submitted */
	/* The caller that opened the file. With its command, once that was
	 * asked for, and the reason of the last write, for a request that is
	 * left incomplete. */
	struct store_call call;

	struct bytes request;
	off_t begins; /* the offset of its first byte */
	bool anew;    /* the next write is its first, whatever its offset */
	bool submitted;
	int result;	    /* then */
	struct bytes reply; /* or the reason of the refusal */

	bool read_begun;
	bool read_out; /* the last byte of the reply, at least once */
	off_t base;    /* the offset of the reply's first byte */
	bool counted;  /* for QUOTA_CONVERSATIONS */
};

/* Whether the reply is read. */
static bool has_reply(const struct conversation *c)
{
	return c->node.drop || c->attr->flags & AT_CONVERSATION;
}

/* Whether another request may follow the reply. */
static bool goes_on(const struct conversation *c)
{
	return !c->node.drop && c->attr->flags & AT_CONVERSATION;
}

/* Whoever shares the descriptor: the request is the opener's. */
static void call_as_opener(const struct conversation *c, struct fs_request *rq)
{
	if (!goes_on(c))
		return;
	rq->call.uid = c->call.uid;
	rq->call.gid = c->call.gid;
	rq->call.pid = c->call.pid;
	memcpy(rq->call.comm, c->call.comm, sizeof(rq->call.comm));
	rq->call.frequent = true;
}

/* Whether something was written that is no whole request. */
static bool is_incomplete(const struct conversation *c)
{
	return c->request.len && !c->submitted;
}

/* Takes a place among the user's conversations. */
static int count(struct conversation *c, struct fs_request *rq)
{
	int rc = quota_take(
	    QUOTA_CONVERSATIONS, rq, 1, !(c->attr->flags & AT_PUBLIC));

	c->counted = !rc;
	return rc;
}

/*
 * Makes room for another conversation: with the answer, not with the close. The
 * kernel releases an open file some time after close(2) has returned; the
 * user's next conversation is not to be refused meanwhile.
 */
static void uncount(struct conversation *c)
{
	if (c->counted)
		quota_add(QUOTA_CONVERSATIONS, c->call.uid, -1);
	c->counted = false;
}

static int open_conversation(
    struct file *f, struct fs_request *rq, const struct node *node)
{
	struct conversation *c = (struct conversation *)f;

	c->node = *node;
	c->attr = node->drop ? node->drop : node->attr;
	c->call = (struct store_call){
	    .uid = rq->call.uid, .gid = rq->call.gid, .pid = rq->call.pid};
	f->reports_close = !has_reply(c) || !file_readable(f);
	int rc = count(c, rq);
	if (rc || has_reply(c) || !file_readable(f))
		return rc;
	rc = node_content(rq->store, node, &f->content);
	if (rc)
		uncount(c);
	return rc;
}

/* The store logs refused requests itself; this is for those that it does not
 * get. */
static void set_target(const struct conversation *c, struct fs_request *rq)
{
	if (c->attr->flags & AT_PUBLIC)
		request_stranger(rq, c->attr->name);
	else if (c->attr->flags & (AT_CONVERSATION | AT_DROP))
		node_target(rq, "request", &c->node, NULL);
	else
		node_target(rq, "set", &c->node, NULL);
}

/* --- writing --- */

/* The offset in the request; -1: before its first byte. */
static off_t position(struct conversation *c, off_t offset)
{
	if (offset == FILE_END)
		return (off_t)c->request.len;
	if (c->anew)
		c->begins = offset;
	c->anew = false;
	return offset < c->begins ? -1 : offset - c->begins;
}

/* The request has its answer; the secrets in it are wiped. */
static int answer(struct conversation *c, struct fs_request *rq, int result)
{
	c->submitted = true;
	c->result = result;
	uncount(c);
	bytes_free(&c->request);
	if (result < 0) {
		bytes_free(&c->reply);
		bytes_printf(&c->reply, "%s\n",
		    rq->call.reason[0] ? rq->call.reason : strerror(-result));
	}
	return result;
}

/*
 * A write after the answer. The newline after a PEM's last line may come in a
 * write of its own. A refusal is repeated, but not logged again.
 */
static int write_after(const struct conversation *c, struct fs_request *rq,
    const char *data, size_t size)
{
	if (all_space(data, size) && (c->read_out || !c->result))
		return 0;
	rq->call.recorded = c->result < 0;
	return c->result ? c->result
			 : store_refuse(&rq->call, -EINVAL,
			       "this conversation has had its reply; %s",
			       goes_on(c) ? "read it to its end first"
					  : "open the file again");
}

/* Whether this write, after an answer, begins the next request. */
static bool begins_next(
    const struct conversation *c, const char *data, size_t size)
{
	return goes_on(c) && c->read_out && !all_space(data, size);
}

static int begin_next(struct conversation *c, struct fs_request *rq)
{
	int rc = count(c, rq);

	if (rc)
		return rc;
	bytes_free(&c->reply);
	c->submitted = c->read_begun = c->read_out = false;
	c->anew = true;
	c->call.reason[0] = '\0';
	return 0;
}

static int add_part(struct conversation *c, struct fs_request *rq,
    const void *data, size_t size, off_t offset)
{
	off_t from = position(c, offset);
	size_t at = (size_t)from;

	if (from < 0 || at > c->request.len)
		return store_refuse(
		    &rq->call, -EINVAL, "a request has no holes");
	if (at + size > STORE_REQUEST_MAX)
		return answer(c, rq,
		    store_refuse(&rq->call, -EFBIG,
			"a request has at most %d bytes", STORE_REQUEST_MAX));
	if (at + size > c->request.len) {
		int rc = bytes_extend(&c->request, at + size - c->request.len);
		if (rc)
			return rc;
	}
	memcpy(c->request.data + at, data, size);
	return 0;
}

static int submit(struct conversation *c, struct fs_request *rq)
{
	const char *member = c->node.drop ? c->node.member : NULL;
	int rc = c->attr->submit(rq->store, &rq->call, &c->node.row, member,
	    c->request.data, c->request.len, &c->reply);

	if (rc == 1)
		store_identify(&rq->call);
	memcpy(c->call.comm, rq->call.comm, sizeof(c->call.comm));
	if (rc != 1)
		return answer(c, rq, rc);
	memcpy(c->call.reason, rq->call.reason, sizeof(c->call.reason));
	return 0;
}

static int write_conversation(struct file *f, struct fs_request *rq,
    const void *data, size_t size, off_t offset)
{
	struct conversation *c = (struct conversation *)f;
	int rc = 0;

	call_as_opener(c, rq);
	set_target(c, rq);
	if (c->submitted && !begins_next(c, data, size))
		return write_after(c, rq, data, size);
	if (c->submitted)
		rc = begin_next(c, rq);
	if (!rc)
		rc = add_part(c, rq, data, size, offset);
	if (!rc)
		rc = submit(c, rq);
	/* the member's own file has taken the name, or none has */
	if (c->node.drop && c->submitted)
		draft_unlink(c->node.draft);
	return rc;
}

static void truncate_conversation(struct file *f)
{
	struct conversation *c = (struct conversation *)f;

	if (c->submitted)
		return;
	bytes_free(&c->request);
	c->anew = true;
	c->call.reason[0] = '\0';
}

/* --- reading --- */

/* The reply begins at the offset of the first read: after what was written. */
static int read_reply(struct conversation *c, struct fs_request *rq,
    off_t offset, size_t size, struct bytes *out)
{
	call_as_opener(c, rq);
	set_target(c, rq);
	if (is_incomplete(c))
		return store_refuse(
		    &rq->call, -EINVAL, "read before the request was complete");
	if (!c->submitted)
		return 0;
	if (!c->read_begun || offset < c->base)
		c->base = offset;
	c->read_begun = true;
	size_t from = (size_t)(offset - c->base), before = out->len;
	int rc = bytes_add_part(out, &c->reply, from, size);
	size_t n = out->len - before;
	if (from + n == c->reply.len && (n || !from))
		c->read_out = true;
	return rc;
}

static int read_conversation(struct file *f, struct fs_request *rq,
    off_t offset, size_t size, struct bytes *out)
{
	struct conversation *c = (struct conversation *)f;

	if (!has_reply(c))
		return file_read_content(f, rq, offset, size, out);
	pthread_mutex_lock(&f->lock);
	int rc = read_reply(c, rq, offset, size, out);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* --- closing --- */

/* One that could still be read may be continued. */
static int flush(struct file *f)
{
	const struct conversation *c = (struct conversation *)f;

	return f->reports_close && is_incomplete(c) ? -EINVAL : 0;
}

static int refuse_incomplete(const struct conversation *c, struct fs_request *rq)
{
	const char *missing = c->call.reason;

	rq->store = c->file.store;
	rq->call = c->call;
	if (c->attr->flags & AT_PUBLIC)
		request_stranger(rq, c->attr->name);
	else
		node_target(rq, "request", &c->node, NULL);
	return store_refuse(&rq->call, -EINVAL,
	    "closed with an incomplete request of %zu bytes%s%.160s",
	    c->request.len, missing[0] ? ": " : "", missing);
}

static int release(struct file *f, struct fs_request *rq)
{
	struct conversation *c = (struct conversation *)f;
	int rc = is_incomplete(c) ? refuse_incomplete(c, rq) : 0;

	uncount(c);
	if (c->node.drop) {
		draft_unlink(c->node.draft);
		draft_close(c->node.draft);
	}
	bytes_free(&c->request);
	bytes_free(&c->reply);
	return rc;
}

static size_t held(const struct file *f)
{
	const struct conversation *c = (const struct conversation *)f;

	return c->request.cap + c->reply.cap;
}

const struct file_ops file_conversation_ops = {
    .size = sizeof(struct conversation),
    .open = open_conversation,
    .read = read_conversation,
    .write = write_conversation,
    .truncate = truncate_conversation,
    .flush = flush,
    .held = held,
    .release = release,
};
