/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file_internal.h"
#include "fs/fresh.h"
#include "fs/quota.h"
#include "store/enrollment.h"

/* What all open files have in common. */

/* --- the list of open files --- */

enum { BUCKETS = 256 };

/* By inode, the newest first. Its lock and a file's are never held together. */
static struct {
	pthread_mutex_t lock;
	struct file *first[BUCKETS];
} open_files = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct file **bucket(uint64_t ino)
{
	return &open_files.first[(ino ^ ino >> 32 ^ ino >> 48) % BUCKETS];
}

static void list_add(struct file *f)
{
	struct file **first = bucket(f->ino);

	pthread_mutex_lock(&open_files.lock);
	f->next = *first;
	if (f->next)
		f->next->prev = f;
	*first = f;
	pthread_mutex_unlock(&open_files.lock);
}

static void list_remove(struct file *f)
{
	pthread_mutex_lock(&open_files.lock);
	if (f->next)
		f->next->prev = f->prev;
	if (f->prev)
		f->prev->next = f->next;
	else
		*bucket(f->ino) = f->next;
	pthread_mutex_unlock(&open_files.lock);
}

struct file *file_any(void)
{
	for (int i = 0; i < BUCKETS; i++)
		if (open_files.first[i])
			return open_files.first[i];
	return NULL;
}

/* Returns whether that changed anything. */
static bool set_stat(const struct file *f, struct stat *st)
{
	const struct stat was = *st;

	st->st_size = f->ops->length(f);
	if (f->moment.tv_sec && !f->was_read)
		st->st_mtim = f->moment;
	return st->st_size != was.st_size ||
	       memcmp(&st->st_mtim, &was.st_mtim, sizeof(was.st_mtim)) != 0;
}

bool file_stat(uint64_t ino, pid_t pid, struct stat *st)
{
	struct file *f;

	if (pid <= 0) /* of another pid namespace: it could be any process */
		return false;
	pthread_mutex_lock(&open_files.lock);
	for (f = *bucket(ino); f; f = f->next)
		if (f->ino == ino && f->pid == pid && f->fixed)
			break;
	bool changed = f && set_stat(f, st);
	pthread_mutex_unlock(&open_files.lock);
	return changed;
}

bool file_is_open(uint64_t ino)
{
	const struct file *f;

	pthread_mutex_lock(&open_files.lock);
	for (f = *bucket(ino); f && f->ino != ino; f = f->next)
		continue;
	pthread_mutex_unlock(&open_files.lock);
	return f;
}

/* --- memory that is charged to the user --- */

/* With the lock held, or before the file is shared. */
static long held(const struct file *f)
{
	return (long)(f->ops->size + f->content.cap +
		      (f->ops->held ? f->ops->held(f) : 0));
}

/* Charges what it holds, and what is to come. */
static int charge(struct file *f, struct fs_request *rq, size_t more)
{
	long n = held(f) + (long)more - f->charged;
	int rc = n > 0 ? quota_take(QUOTA_BYTES, rq, n, f->permitted) : 0;

	if (!rc && n > 0)
		f->charged += n;
	return rc;
}

/* Charges no more than what it holds. */
static void settle(struct file *f)
{
	long n = held(f) - f->charged;

	f->charged += n;
	quota_add(QUOTA_BYTES, f->uid, n);
}

/* --- open and close --- */

static const struct file_ops *ops_for(const struct node *node, int flags)
{
	const struct attr *attr = node->attr;
	bool writable = (flags & O_ACCMODE) != O_RDONLY;

	if (node->drop)
		return &file_conversation_ops;
	if (node->draft)
		return &file_draft_ops;
	if (writable && attr->submit)
		return &file_conversation_ops;
	if (writable && attr->store)
		return &file_value_ops;
	return attr->read   ? &file_stream_ops
	       : attr->list ? &file_list_ops
			    : &file_rendered_ops;
}

/* Whether users other than its owner and group have no permission. */
static bool is_private(struct store *store, const struct node *node)
{
	struct store_owner own;

	return node->draft ||
	       (!node_owner(store, node, &own) && !(own.mode & 0007));
}

static struct file *allocate(
    const struct fs_request *rq, const struct node *node, int flags)
{
	const struct file_ops *ops = ops_for(node, flags);
	struct file *f = calloc(1, ops->size);

	if (!f)
		return NULL;
	f->ops = ops;
	f->store = rq->store;
	f->attr = node->attr;
	f->ino = node->ino;
	f->uid = rq->call.uid;
	f->pid = rq->call.pid;
	f->flags = flags;
	f->permitted = is_private(rq->store, node);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

/* Frees it, and what was charged for it. */
static void destroy(struct file *f)
{
	long charged = f->charged;
	uid_t uid = f->uid;

	bytes_free(&f->content);
	pthread_mutex_destroy(&f->lock);
	free(f);
	/* a user's account exists as long as it counts a file */
	quota_add(QUOTA_BYTES, uid, -charged);
	quota_add(QUOTA_FILES, uid, -1);
}

static int release(struct file *f, struct fs_request *rq)
{
	return f->ops->release ? f->ops->release(f, rq) : 0;
}

static int begin(struct file *f, struct fs_request *rq, const struct node *node)
{
	int rc = 0;

	if (!node->draft)
		node_target(rq, "open", node, NULL);
	if (!node->draft && file_writable(f))
		rc = node_may_write(rq, node);
	if (!rc)
		rc = f->ops->open(f, rq, node);
	if (rc)
		return rc;
	rc = bytes_fit(&f->content);
	if (!rc)
		rc = charge(f, rq, 0);
	if (rc)
		release(f, rq);
	return rc;
}

int file_open(struct fs_request *rq, const struct node *node, int flags,
    struct file **out)
{
	if (!node->attr)
		return -EISDIR;
	if (node->attr->flags & AT_LINK)
		return -ELOOP;
	struct file *f = allocate(rq, node, flags);
	if (!f)
		return -ENOMEM;
	int rc = quota_take(QUOTA_FILES, rq, 1, f->permitted);
	if (rc) {
		pthread_mutex_destroy(&f->lock);
		free(f);
		return rc;
	}
	rc = begin(f, rq, node);
	if (rc) {
		destroy(f);
		return rc;
	}
	list_add(f);
	fresh_open(f->ino);
	*out = f;
	return 0;
}

int file_close(struct file *f, struct fs_request *rq)
{
	fresh_close(f->ino);
	list_remove(f);
	int rc = release(f, rq);
	destroy(f);
	return rc;
}

/* --- reading and writing --- */

int file_read_content(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	(void)rq;
	return bytes_add_part(out, &f->content, (size_t)offset, size);
}

int file_read_current(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	CLEANUP_BYTES struct bytes content = {0};
	struct node now;
	int rc = node_get(rq->store, f->ino, &now);

	if (!rc)
		rc = node_content(rq->store, &now, &content);
	return rc ? rc : bytes_add_part(out, &content, (size_t)offset, size);
}

int file_read(struct file *f, struct fs_request *rq, off_t offset, size_t size,
    struct bytes *out)
{
	f->was_read = true;
	return f->ops->read(f, rq, offset, size, out);
}

int file_read_page(struct file *f, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out)
{
	return f->ops->read_page ? f->ops->read_page(f, rq, offset, size, out)
				 : file_read(f, rq, offset, size, out);
}

int file_write(struct file *f, struct fs_request *rq, const void *data,
    size_t size, off_t offset)
{
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	/* no more of it is kept, however much it is */
	if (f->ops->held)
		rc = charge(
		    f, rq, size < STORE_REQUEST_MAX ? size : STORE_REQUEST_MAX);
	if (!rc)
		rc = f->ops->write(f, rq, data, size, offset);
	if (f->ops->held)
		settle(f);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

void file_truncate(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	if (f->ops->truncate)
		f->ops->truncate(f);
	pthread_mutex_unlock(&f->lock);
}

bool file_is_writable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY;
}

bool file_settles(const struct file *f)
{
	return f->attr && f->attr->settle && f->ops == &file_value_ops;
}

bool file_reports_close(const struct file *f)
{
	return f->reports_close;
}

int file_flush(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	int rc = f->ops->flush ? f->ops->flush(f) : 0;
	pthread_mutex_unlock(&f->lock);
	return rc;
}
