/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/text_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Parts of TEXT_PART bytes, each with one place, which it shares with those
 * TEXT_PARTS before and after it: readers of a text that is longer than all
 * places replace what others will read only when they are that far apart.
 */

void text_cache_init(struct text_cache *cache)
{
	cache->fd = -1;
	pthread_mutex_init(&cache->lock, NULL);
	for (int i = 0; i < TEXT_PARTS; i++) {
		pthread_rwlock_init(&cache->part[i].lock, NULL);
		cache->part[i].filled = 0;
	}
}

void text_cache_destroy(struct text_cache *cache)
{
	if (cache->fd >= 0)
		close(cache->fd);
	for (int i = 0; i < TEXT_PARTS; i++)
		pthread_rwlock_destroy(&cache->part[i].lock);
	pthread_mutex_destroy(&cache->lock);
}

static int get_file(struct text_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	if (cache->fd < 0)
		cache->fd = memfd_create("enrollfs", MFD_CLOEXEC);
	int fd = cache->fd;
	pthread_mutex_unlock(&cache->lock);
	return fd;
}

static off_t place(const struct text_cache *cache, const struct text_part *part)
{
	return (off_t)(part - cache->part) * TEXT_PART;
}

static int read_all(int fd, unsigned char *to, size_t size, off_t at)
{
	while (size) {
		ssize_t n = pread(fd, to, size, at);
		if (n <= 0 && errno != EINTR)
			return -EIO;
		if (n <= 0)
			continue;
		to += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const unsigned char *from, size_t size, off_t at)
{
	while (size) {
		ssize_t n = pwrite(fd, from, size, at);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		from += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* With the part's lock held. Appends what it has of the range. */
static int copy_out(const struct text_cache *cache, int fd,
    const struct text_part *part, int64_t offset, size_t size,
    struct bytes *out)
{
	size_t from = (size_t)(offset % TEXT_PART), before = out->len;

	if (part->index != offset / TEXT_PART || part->filled <= from)
		return 0;
	if (size > part->filled - from)
		size = part->filled - from;
	int rc = bytes_extend(out, size);
	return rc ? rc
		  : read_all(fd, out->data + before, size,
			place(cache, part) + (off_t)from);
}

/* With the part's lock held for writing. Where the memory for it is missing,
 * the part is empty. */
static int fill(const struct text_cache *cache, int fd, struct text_part *part,
    int64_t index, text_render_fn render, void *arg)
{
	CLEANUP_BYTES struct bytes text = {0};

	if (part->index != index)
		part->filled = 0;
	part->index = index;
	if (part->filled == TEXT_PART)
		return 0;
	int rc = render(index * TEXT_PART + (int64_t)part->filled,
	    TEXT_PART - part->filled, &text, arg);
	if (rc)
		return rc;
	rc = write_all(
	    fd, text.data, text.len, place(cache, part) + (off_t)part->filled);
	part->filled = rc ? 0 : part->filled + text.len;
	return rc;
}

/* A range within one part. */
static int read_part(struct text_cache *cache, int fd, int64_t offset,
    size_t size, text_render_fn render, void *arg, struct bytes *out)
{
	struct text_part *part = &cache->part[offset / TEXT_PART % TEXT_PARTS];
	size_t before = out->len;

	pthread_rwlock_rdlock(&part->lock);
	int rc = copy_out(cache, fd, part, offset, size, out);
	pthread_rwlock_unlock(&part->lock);
	if (rc || out->len - before == size)
		return rc;
	out->len = before;
	pthread_rwlock_wrlock(&part->lock);
	rc = fill(cache, fd, part, offset / TEXT_PART, render, arg);
	if (!rc)
		rc = copy_out(cache, fd, part, offset, size, out);
	bool empty = !part->filled;
	pthread_rwlock_unlock(&part->lock);
	return rc || !empty ? rc : render(offset, size, out, arg);
}

int text_cache_read(struct text_cache *cache, int64_t offset, size_t size,
    text_render_fn render, void *arg, struct bytes *out)
{
	int fd = get_file(cache), rc = 0;

	if (fd < 0)
		return render(offset, size, out, arg);
	while (!rc && size) {
		size_t before = out->len,
		       part = TEXT_PART - (size_t)(offset % TEXT_PART);

		if (part > size)
			part = size;
		rc = read_part(cache, fd, offset, part, render, arg, out);
		size_t got = out->len - before;
		if (got < part)
			break;
		offset += (int64_t)got;
		size -= got;
	}
	return rc;
}

void text_cache_clear(struct text_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	int fd = cache->fd;
	pthread_mutex_unlock(&cache->lock);
	for (int i = 0; i < TEXT_PARTS && fd >= 0; i++) {
		struct text_part *part = &cache->part[i];
		pthread_rwlock_wrlock(&part->lock);
		if (part->filled)
			fallocate(fd,
			    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    place(cache, part), TEXT_PART);
		part->filled = 0;
		pthread_rwlock_unlock(&part->lock);
	}
}
