/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/conversation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/quota.h"

struct conversation {
	struct store *store;
	const struct attr *attr;
	const union store_any *row;
	char member[NAME_MAX_LEN + 1]; /* empty: none */
	struct store_call call; /* who opened it; the reason: what is missing */

	struct bytes request;
	off_t begins;	/* the offset of its first byte */
	bool truncated; /* the next write is its first, wherever the file
			   position stands */
	bool carried_out;
	bool left;	    /* its place was given back */
	int result;	    /* once carried out */
	struct bytes reply; /* or the reason */
	bool read_begun;
	off_t base; /* where the reader's first byte is */
};

int conversation_begin(struct fs_request *rq, const struct attr *attr,
    const union store_any *row, const char *member, struct conversation **out)
{
	struct conversation *talk = calloc(1, sizeof(*talk));
	int rc = talk ? quota_take(QUOTA_CONVERSATIONS, rq, 1,
			    !(attr->flags & AT_PUBLIC))
		      : -ENOMEM;

	if (rc) {
		free(talk);
		return rc;
	}
	talk->store = rq->store;
	talk->attr = attr;
	talk->row = row;
	talk->call = (struct store_call){
	    .uid = rq->call.uid, .gid = rq->call.gid, .pid = rq->call.pid};
	if (member)
		strncpy(talk->member, member, NAME_MAX_LEN);

	*out = talk;
	return 0;
}

/* What is refused before it reaches the store, which logs the rest itself. */
static void set_target(const struct conversation *talk, struct fs_request *rq)
{
	if (talk->attr->flags & AT_PUBLIC)
		request_stranger(rq, talk->attr->name);
	else if (talk->attr->flags & (AT_CONVERSATION | AT_DROP))
		request_target(
		    rq, "request", &talk->row->object, talk->attr->name, NULL);
}

static int refuse_incomplete(
    const struct conversation *talk, struct fs_request *rq)
{
	rq->store = talk->store;
	rq->call = talk->call;
	request_target(
	    rq, "request", &talk->row->object, talk->attr->name, NULL);
	set_target(talk, rq);
	return store_refuse(&rq->call, -EINVAL,
	    "closed with an incomplete request of %zu bytes%s%.160s",
	    talk->request.len, talk->call.reason[0] ? ": " : "",
	    talk->call.reason);
}

static void leave(struct conversation *talk)
{
	if (!talk->left)
		quota_add(QUOTA_CONVERSATIONS, talk->call.uid, -1);
	talk->left = true;
}

void conversation_leave(struct conversation *talk)
{
	if (talk->carried_out)
		leave(talk);
}

int conversation_end(struct conversation *talk, struct fs_request *rq)
{
	int rc = conversation_incomplete(talk) ? refuse_incomplete(talk, rq)
					       : 0;

	leave(talk);
	bytes_free(&talk->request);
	bytes_free(&talk->reply);
	free(talk);
	return rc;
}

size_t conversation_held(const struct conversation *talk)
{
	return sizeof(*talk) + talk->request.cap + talk->reply.cap;
}

bool conversation_over(const struct conversation *talk)
{
	return talk->carried_out;
}

bool conversation_incomplete(const struct conversation *talk)
{
	return talk->request.len && !talk->carried_out;
}

void conversation_truncate(struct conversation *talk)
{
	if (talk->carried_out)
		return;
	bytes_free(&talk->request);
	talk->truncated = true;
	talk->call.reason[0] = '\0';
}

/* Where in the request a write belongs; -1: before its beginning. */
static off_t place(struct conversation *talk, off_t offset)
{
	if (offset == AT_END)
		return (off_t)talk->request.len;
	if (talk->truncated)
		talk->begins = offset;
	talk->truncated = false;
	return offset < talk->begins ? -1 : offset - talk->begins;
}

/* The request has had its answer; the secrets in it are wiped. */
static int answered(
    struct conversation *talk, struct store_call *call, int result)
{
	talk->carried_out = true;
	talk->result = result;
	bytes_free(&talk->request);
	if (result < 0) {
		bytes_free(&talk->reply);
		bytes_printf(&talk->reply, "%s\n",
		    call->reason[0] ? call->reason : strerror(-result));
	}
	return result;
}

/*
 * The newline behind a PEM's last line may come in a write of its own. A
 * refusal is repeated, and has its line.
 */
static int write_behind(const struct conversation *talk,
    struct store_call *call, const char *data, size_t size)
{
	call->recorded = talk->result < 0;
	if (talk->result)
		return talk->result;
	if (!all_space(data, size))
		return store_refuse(call, -EINVAL,
		    "this conversation has had its reply; open the file again");
	return 0;
}

static int write_part(struct conversation *talk, struct store_call *call,
    const void *data, size_t size, off_t offset)
{
	if (talk->carried_out)
		return write_behind(talk, call, data, size);
	off_t from = place(talk, offset);
	size_t at = (size_t)from;
	if (from < 0 || at > talk->request.len)
		return store_refuse(call, -EINVAL, "a request has no holes");
	if (at + size > STORE_REQUEST_MAX)
		return answered(talk, call,
		    store_refuse(call, -EFBIG, "a request has at most %d bytes",
			STORE_REQUEST_MAX));
	if (at + size > talk->request.len) {
		int rc = bytes_extend(
		    &talk->request, at + size - talk->request.len);
		if (rc)
			return rc;
	}
	memcpy(talk->request.data + at, data, size);
	int rc = talk->attr->submit(talk->store, call, talk->row,
	    talk->member[0] ? talk->member : NULL, talk->request.data,
	    talk->request.len, &talk->reply);
	if (rc != 1)
		return answered(talk, call, rc);
	/* for the record, should it be closed like this */
	store_identify(call);
	memcpy(talk->call.comm, call->comm, sizeof(call->comm));
	memcpy(talk->call.reason, call->reason, sizeof(call->reason));
	return 0;
}

int conversation_write(struct conversation *talk, struct fs_request *rq,
    const void *data, size_t size, off_t offset)
{
	set_target(talk, rq);
	return write_part(talk, &rq->call, data, size, offset);
}

int conversation_read(struct conversation *talk, struct fs_request *rq,
    off_t offset, size_t size, struct bytes *out)
{
	set_target(talk, rq);
	if (conversation_incomplete(talk))
		return store_refuse(
		    &rq->call, -EINVAL, "read before the request was complete");
	if (!talk->carried_out)
		return 0;
	if (!talk->read_begun || offset < talk->base)
		talk->base = offset;
	talk->read_begun = true;
	return bytes_add_part(
	    out, &talk->reply, (size_t)(offset - talk->base), size);
}
