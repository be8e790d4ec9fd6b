/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/conversation.h"
#include "fs/draft.h"
#include "fs/node_internal.h"
#include "fs/quota.h"

struct handle {
	struct handle *next,
	    *prev; /* of those that are open and share a bucket */
	uid_t uid; /* who has it */
	pid_t pid;
	struct store *store;
	uint64_t ino;
	const struct attr *attr;
	struct node *node; /* NULL: all that is read was rendered at open */
	int flags;
	bool permitted;			 /* see quota_take */
	long charged;			 /* of QUOTA_BYTES */
	struct bytes content;		 /* as of open; not changed after it */
	struct store_snapshot *snapshot; /* or this */
	struct timespec moment; /* that it shows; none of what is exported */
	_Atomic bool was_read;
	struct conversation *talk;
	bool begun;
	bool serves; /* one of the two, for good; under the lock of open_now */

	pthread_mutex_t lock; /* of what follows, and of talk */
	struct bytes input;   /* what was written through this open */
	bool once;	      /* and has been carried out: not to be again */
	bool refused;	      /* a write: nothing more is taken */
	struct store_before
	    *before; /* what stood before; made by the first write */
};

/* Inodes share one now and then. */
enum { BUCKETS = 256 };

/* For the end: what is still open then has to be wiped. Not held together with
 * a handle's lock. */
static struct {
	pthread_mutex_t lock;
	struct handle *first[BUCKETS]; /* by inode, the newest first */
} open_now = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct handle **bucket(uint64_t ino)
{
	return &open_now.first[(ino ^ ino >> 32 ^ ino >> 48) % BUCKETS];
}

static void enlist(struct handle *h)
{
	struct handle **first = bucket(h->ino);

	pthread_mutex_lock(&open_now.lock);
	h->next = *first;
	if (h->next)
		h->next->prev = h;
	*first = h;
	pthread_mutex_unlock(&open_now.lock);
}

static void strike_off(struct handle *h)
{
	pthread_mutex_lock(&open_now.lock);
	if (h->next)
		h->next->prev = h->prev;
	if (h->prev)
		h->prev->next = h->next;
	else
		*bucket(h->ino) = h->next;
	pthread_mutex_unlock(&open_now.lock);
}

/* --- what it uses up --- */

/* What it holds now. With the lock held, or nobody else knowing it. */
static long held(const struct handle *h)
{
	return (long)(sizeof(*h) + (h->node ? sizeof(*h->node) : 0) +
		      h->content.cap + h->input.cap +
		      (h->before ? sizeof(*h->before) : 0) +
		      (h->talk ? conversation_held(h->talk) : 0));
}

/* Charges what it holds, and what is to come. */
static int charge(struct handle *h, struct fs_request *rq, size_t more)
{
	long n = held(h) + (long)more - h->charged;
	int rc = n > 0 ? quota_take(QUOTA_BYTES, rq, n, h->permitted) : 0;

	if (!rc && n > 0)
		h->charged += n;
	return rc;
}

/* Charges no more than what it holds. */
static void settle(struct handle *h)
{
	long n = held(h) - h->charged;

	h->charged += n;
	quota_add(QUOTA_BYTES, h->uid, n);
}

static bool say(const struct handle *h, struct stat *st)
{
	const struct stat was = *st;

	st->st_size = h->snapshot ? (off_t)store_snapshot_size(h->snapshot)
				  : (off_t)h->content.len;
	if (h->moment.tv_sec && !h->was_read)
		st->st_mtim = h->moment;
	return st->st_size != was.st_size ||
	       memcmp(&st->st_mtim, &was.st_mtim, sizeof(was.st_mtim)) != 0;
}

bool handle_stat(uint64_t ino, pid_t pid, struct stat *st)
{
	struct handle *h;

	if (pid <= 0) /* of another pid namespace: it could be anybody */
		return false;
	pthread_mutex_lock(&open_now.lock);
	for (h = *bucket(ino); h; h = h->next)
		if (h->ino == ino && h->pid == pid && h->serves)
			break;
	bool other = h && say(h, st);
	pthread_mutex_unlock(&open_now.lock);
	return other;
}

static bool readable(int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

static bool writable(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* Whether what it reads was fixed when it was opened. */
static bool serves(const struct handle *h)
{
	return !writable(h->flags) && !h->node->draft &&
	       (h->snapshot || h->attr->show || h->attr->copy);
}

/* Its time comes first: what is newer than that is copied again, what is older
 * never. */
static int render(struct handle *h, struct fs_request *rq)
{
	const struct attr *attr = h->attr;
	struct node *node = h->node;

	node_target(rq, attr->copy ? "copy" : "open", node, NULL);
	int rc = attr->list
		     ? attr->list(h->store, &node->row, false, &h->snapshot)
		     : 0;

	if (!rc)
		rc = node_moment(h->store, node, h->snapshot, &h->moment);
	if (!rc && !attr->list)
		rc = attr->copy ? attr->copy(h->store, &rq->call, &node->row,
				      &h->content)
				: node_content(h->store, node, &h->content);
	return rc;
}

static int begin(struct handle *h, struct fs_request *rq)
{
	struct node *node = h->node;
	const struct attr *take = node->drop ? node->drop : h->attr;
	int rc = 0;

	if (node->draft && !node->drop)
		return draft_open(
		    node->draft, writable(h->flags) && h->flags & O_TRUNC);
	if (writable(h->flags) && !node->drop) {
		node_target(rq, "open", node, NULL);
		rc = node_may_write(rq, node);
	}
	/* Who only reads a conversation gets nothing, and takes nobody's
	 * place. */
	if (!rc && take->submit && writable(h->flags))
		rc = conversation_begin(rq, take, &node->row,
		    node->drop ? node->member : NULL, &h->talk);
	if (rc || node->drop || h->attr->flags & AT_CONVERSATION ||
	    !readable(h->flags))
		return rc;
	return render(h, rq);
}

/* Keeps nothing but what it serves, if that was fixed by the open. */
static int keep_what_it_serves(struct handle *h)
{
	if (!serves(h))
		return 0;
	free(h->node);
	h->node = NULL;
	int rc = bytes_fit(&h->content);
	pthread_mutex_lock(&open_now.lock);
	h->serves = true;
	pthread_mutex_unlock(&open_now.lock);
	return rc;
}

/* Whether others than its owner and group have no permission. */
static bool is_private(struct store *store, const struct node *node)
{
	struct store_owner own;

	return node->draft ||
	       (!node_owner(store, node, &own) && !(own.mode & 0007));
}

static struct handle *make(
    const struct fs_request *rq, const struct node *node, int flags)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->node = malloc(sizeof(*node));
	if (!h->node) {
		free(h);
		return NULL;
	}
	*h->node = *node;
	h->store = rq->store;
	h->ino = node->ino;
	h->attr = node->attr;
	h->flags = flags;
	h->uid = rq->call.uid;
	h->pid = rq->call.pid;
	h->permitted = is_private(rq->store, node);
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void destroy(struct handle *h)
{
	pthread_mutex_destroy(&h->lock);
	free(h->node);
	free(h);
}

int handle_open(struct fs_request *rq, const struct node *node, int flags,
    struct handle **out)
{
	if (!node->attr)
		return -EISDIR;
	if (node->attr->flags & AT_LINK)
		return -ELOOP;
	struct handle *h = make(rq, node, flags);
	if (!h)
		return -ENOMEM;
	int rc = quota_take(QUOTA_FILES, rq, 1, h->permitted);
	if (rc) {
		destroy(h);
		return rc;
	}
	enlist(h);
	rc = begin(h, rq);
	h->begun = !rc;
	if (!rc)
		rc = keep_what_it_serves(h);
	if (!rc)
		rc = charge(h, rq, 0);
	if (rc)
		handle_close(h, rq);
	else
		*out = h;
	return rc;
}

struct handle *handle_any(void)
{
	for (int i = 0; i < BUCKETS; i++)
		if (open_now.first[i])
			return open_now.first[i];
	return NULL;
}

static void close_draft(const struct handle *h)
{
	if (h->node->drop)
		draft_unlink(h->node->draft);
	if (h->begun || h->node->drop)
		draft_close(h->node->draft);
}

int handle_close(struct handle *h, struct fs_request *rq)
{
	int rc = 0;

	strike_off(h);
	if (h->talk)
		rc = conversation_end(h->talk, rq);
	h->talk = NULL;
	if (h->node && h->node->draft)
		close_draft(h);
	store_snapshot_put(h->snapshot);
	bytes_free(&h->content);
	bytes_free(&h->input);
	free(h->before);
	long charged = h->charged;
	uid_t uid = h->uid;
	destroy(h);
	/* the user's account is there as long as there is a file in it */
	quota_add(QUOTA_BYTES, uid, -charged);
	quota_add(QUOTA_FILES, uid, -1);
	return rc;
}

/* Whether the reply is what is read; else it is the content as of open. */
static bool converses(const struct handle *h)
{
	return h->node->drop || h->attr->flags & AT_CONVERSATION;
}

/* Of a list, as it is now. */
static int read_list(const struct handle *h, const union store_any *row,
    off_t offset, size_t size, struct bytes *out)
{
	struct store_snapshot *snapshot;
	int rc = h->attr->list(h->store, row, false, &snapshot);

	if (rc || !snapshot)
		return rc;
	rc = store_snapshot_read(snapshot, offset, size, out);
	store_snapshot_put(snapshot);
	return rc;
}

int handle_read_page(struct handle *h, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	CLEANUP_BYTES struct bytes content = {0};
	bool draft = h->node && h->node->draft;
	struct node now;

	if (draft || h->talk || !(h->attr->list || h->attr->show))
		return handle_read(h, rq, offset, size, out);
	int rc = node_get(h->store, h->ino, &now);
	if (!rc && h->attr->list)
		return read_list(h, &now.row, offset, size, out);
	if (!rc)
		rc = node_content(h->store, &now, &content);
	return rc ? rc : bytes_add_part(out, &content, (size_t)offset, size);
}

int handle_read(struct handle *h, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	h->was_read = true;
	if (h->snapshot)
		return store_snapshot_read(h->snapshot, offset, size, out);
	if (!h->node)
		return bytes_add_part(out, &h->content, (size_t)offset, size);
	if (h->node->draft && !h->talk)
		return draft_read(h->node->draft, offset, size, out);
	if (h->attr->read)
		return h->attr->read(h->store, &h->node->row, offset, size, out);
	if (!h->talk || !converses(h))
		return bytes_add_part(out, &h->content, (size_t)offset, size);
	pthread_mutex_lock(&h->lock);
	int rc = conversation_read(h->talk, rq, offset, size, out);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/* --- writing a value --- */

/* The value as it would be: what this open has written so far, from offset 0,
 * with data in place. */
static int collect(struct handle *h, struct fs_request *rq, const void *data,
    size_t size, off_t offset, struct bytes *value)
{
	size_t at = offset == AT_END ? h->input.len : (size_t)offset;
	/* the newline, and one byte more to see that it is too long */
	size_t most = h->attr->max + 2;

	if (at > h->input.len)
		return store_refuse(&rq->call, -EINVAL, "a value has no holes");
	if (size > most || at + size > most) {
		int secret = store_check_secret(h->store, &rq->call, data, size);
		return secret ? secret
			      : store_refuse(&rq->call, -EFBIG,
				    "a value here has at most %zu bytes",
				    h->attr->max);
	}
	int rc = bytes_add(value, h->input.data, h->input.len);
	if (!rc && at + size > value->len)
		rc = bytes_extend(value, at + size - value->len);
	if (!rc)
		memcpy(value->data + at, data, size);
	return rc;
}

/* What counts once has been carried out: only its newline may follow. */
static bool only_a_newline(
    const struct handle *h, const void *data, size_t size, off_t offset)
{
	const char *byte = data;

	return size == 1 && *byte == '\n' && h->input.len &&
	       h->input.data[h->input.len - 1] != '\n' &&
	       (offset == AT_END || (size_t)offset == h->input.len);
}

static int set_value(struct handle *h, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	CLEANUP_BYTES struct bytes value = {0};

	if (h->once && !only_a_newline(h, data, size, offset))
		return store_refuse(
		    &rq->call, -EINVAL, "this counts once for each open");
	int rc = collect(h, rq, data, size, offset, &value);
	if (!rc)
		rc = node_store(rq, h->node, &value, h->once, h->before);
	if (rc < 0)
		return rc;
	bytes_swap(&h->input, &value);
	h->once = rc;
	return 0;
}

/*
 * A value of which a part was stored and a later one refused: what stood before
 * is put back. The refusal says whether that could be done.
 */
static void take_back(struct handle *h, struct fs_request *rq)
{
	struct store_call *call = &rq->call, undo = *call;
	size_t len = strlen(call->reason);
	bool back = !store_put_back(
	    h->store, &undo, &h->node->row.object, h->before);

	snprintf(call->reason + len, sizeof(call->reason) - len, "; %s",
	    back ? "what stood before is back" : "what stands there stays");
	h->once = h->once && !back;
	bytes_free(&h->input);
}

/*
 * After a refusal this open takes nothing more until it is truncated: bash's
 * printf goes on with the next line, which would be taken for the value.
 */
static int write_value(struct handle *h, struct fs_request *rq,
    const void *data, size_t size, off_t offset)
{
	if (!h->before)
		h->before = calloc(1, sizeof(*h->before));
	if (!h->before)
		return -ENOMEM;
	if (h->refused)
		return store_refuse(&rq->call, -EINVAL,
		    "a part of this value has been refused; open the file again");
	int rc = set_value(h, rq, data, size, offset);
	h->refused = rc != 0;
	if (rc && h->input.len)
		take_back(h, rq);
	return rc;
}

static int write_request(struct handle *h, struct fs_request *rq,
    const void *data, size_t size, off_t offset)
{
	int rc = conversation_write(h->talk, rq, data, size, offset);

	/* A dropped request: the member's own file is there now, or none is. */
	if (h->node->drop && conversation_over(h->talk))
		draft_unlink(h->node->draft);
	return rc;
}

int handle_write(struct handle *h, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	int rc = 0;

	if (h->node->draft && !h->talk) {
		node_target(rq, "write", h->node, NULL);
		return draft_write(h->node->draft, data, size, offset);
	}
	pthread_mutex_lock(&h->lock);
	/* no more of it is kept, however much it is */
	rc = charge(h, rq, size < STORE_REQUEST_MAX ? size : STORE_REQUEST_MAX);
	if (!rc)
		node_target(rq, "set", h->node, NULL);
	if (!rc && h->talk)
		rc = write_request(h, rq, data, size, offset);
	else if (!rc && size)
		rc = write_value(h, rq, data, size, offset);
	settle(h);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

void handle_truncate(struct handle *h)
{
	pthread_mutex_lock(&h->lock);
	if (h->talk)
		conversation_truncate(h->talk);
	/* what counts once stays carried out */
	if (!h->once)
		bytes_free(&h->input);
	h->refused = false;
	pthread_mutex_unlock(&h->lock);
}

int handle_flush(struct handle *h)
{
	if (!h->talk)
		return 0;
	pthread_mutex_lock(&h->lock);
	bool may_go_on = converses(h) && readable(h->flags);
	int rc = !may_go_on && conversation_incomplete(h->talk) ? -EINVAL : 0;
	conversation_leave(h->talk);
	pthread_mutex_unlock(&h->lock);
	return rc;
}
