/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/ops_internal.h"

/*
 * fsync(2), and writes that are answered late. A write that was answered is on
 * disk already. What follows from it may not be there yet: an attribute with a
 * sync or settle handler is answered when it is, by the store's thread, so that
 * no thread of the mount waits.
 */

struct sync {
	struct store_wait wait; /* the first member */
	fuse_req_t req;
	struct fs_request rq;
	size_t written; /* by a write; 0: fsync(2) */
};

/* Replies and frees it. */
static void finish(struct sync *s, int rc)
{
	if (!rc && s->written)
		fuse_reply_write(s->req, s->written);
	else
		ops_reply(s->req, &s->rq, rc);
	free(s);
}

/* It is no refusal that the caller has given up. */
static void give_up(struct sync *s)
{
	fuse_reply_err(s->req, EINTR);
	free(s);
}

static void done(struct store_wait *wait, int rc)
{
	struct sync *s = (struct sync *)wait;

	if (rc && s->written)
		store_refuse(&s->rq.call, rc,
		    "the store failed while it was carried out; it goes on by itself when the store answers again");
	else if (rc)
		store_refuse(&s->rq.call, rc, "%s",
		    rc == -EBUSY
			? "the revocation list has not been signed in time"
			: "a revocation list cannot be signed; the daemon's messages say why");
	finish(s, rc);
}

/* The number is that of a wait which may be over: it and its request may not
 * exist any more. */
static void interrupted(fuse_req_t req, void *number)
{
	const struct mount *mount = fuse_req_userdata(req);
	struct store_wait *wait = store_wait_end(
	    mount->store, (uintptr_t)number);

	if (wait)
		give_up((struct sync *)wait);
}

static uintptr_t new_number(void)
{
	static atomic_uintptr_t last;

	return atomic_fetch_add(&last, 1) + 1;
}

static void start_sync(fuse_req_t req, struct fs_request *rq,
    const struct node *node, size_t written)
{
	struct sync *s = calloc(1, sizeof(*s));
	uintptr_t number = new_number();

	if (!s) {
		ops_reply(req, rq, -ENOMEM);
		return;
	}
	node_target(rq, written ? "set" : "sync", node, NULL);
	*s = (struct sync){.wait = {.number = number, .done = done},
	    .req = req,
	    .rq = *rq,
	    .written = written};
	fuse_req_interrupt_func(req, interrupted, (void *)number);
	/* an interrupt between this and the handler ends nothing: the wait is
	 * bounded all the same */
	if (fuse_req_interrupted(req)) {
		give_up(s);
		return;
	}
	int (*wait)(struct store *, struct store_call *,
	    const union store_any *,
	    struct store_wait *) = written ? node->attr->settle
					   : node->attr->sync;
	int rc = wait(rq->store, &s->rq.call, &node->row, &s->wait);
	if (rc <= 0)
		finish(s, rc);
}

void ops_settle_write(
    fuse_req_t req, struct fs_request *rq, fuse_ino_t ino, size_t size)
{
	struct node node;

	if (size && !node_get(rq->store, ino, &node) && node.attr &&
	    node.attr->settle)
		start_sync(req, rq, &node, size);
	else
		fuse_reply_write(req, size);
}

void ops_fsync(
    fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);
	struct node node;
	int rc = node_get(rq.store, ino, &node);

	(void)data_only;
	/* the kernel keeps writers of the file waiting meanwhile: nobody who
	 * may only read it does that */
	bool may = file_is_writable(ops_file(fi)) || rq.call.uid == 0;
	if (!rc && may && !node.draft && node.attr && node.attr->sync)
		start_sync(req, &rq, &node, 0);
	else
		fuse_reply_err(req, 0);
}

void ops_fsyncdir(
    fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	(void)ino;
	(void)data_only;
	(void)fi;
	fuse_reply_err(req, 0);
}

void ops_end_syncs(struct store *store)
{
	struct store_wait *wait;

	while ((wait = store_wait_end(store, 0)))
		give_up((struct sync *)wait);
}
