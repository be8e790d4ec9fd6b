/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

/*
 * Each is made by one thread; who wants the same waits for it. The newest of
 * each is kept for the next reader, older ones as long as somebody has them
 * open: but no more than REPLACED of those, so that nobody can pile them up by
 * keeping each open.
 */

struct store_snapshot {
	int refs;
	pthread_rwlock_t
	    lock; /* of fd, against its end; taken under lists.lock */
	int64_t id;
	enum store_list which;
	int64_t version;
	struct snapshot_times times;
	int64_t at,
	    cost;     /* in ticks: when it was made, and how long that took */
	int64_t from; /* the same in time */
	int fd;
	size_t size;
};

enum { BUFFER = 65536 };

/*
 * In memory (memfd_create(2)), not on the store's disk: that may be full, or
 * frozen, and reading goes on. One list has no more than LIST_MAX; those that
 * have been replaced and are still read, no more than REPLACED_MAX in all.
 */
#define LIST_MAX ((size_t)1 << 30)
#define REPLACED_MAX ((size_t)256 << 20)

struct snapshot_writer {
	int fd;
	struct snapshot_times times;
	size_t size;
	struct bytes buffer;
};

static int open_memory(void)
{
	int fd = memfd_create("enrollfs", MFD_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* EMFILE would be told of who asks */
	report(LOG_ERR, "a list could not be made: %s", strerror(errno));
	return errno == ENOMEM ? -ENOMEM : -EIO;
}

static int flush(struct snapshot_writer *w)
{
	const unsigned char *p = w->buffer.data;
	size_t left = w->buffer.len;

	if (left > LIST_MAX - w->size) {
		report(LOG_ERR,
		    "a list could not be made: it would have more than %zu bytes",
		    LIST_MAX);
		return -EFBIG;
	}
	while (left) {
		ssize_t n = write(w->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSPC ? -ENOMEM : -errno;
		p += n;
		left -= (size_t)n;
		w->size += (size_t)n;
	}
	w->buffer.len = 0;
	return 0;
}

int snapshot_add(struct snapshot_writer *w, const void *data, size_t len)
{
	int rc = bytes_add(&w->buffer, data, len);

	return rc || w->buffer.len < BUFFER ? rc : flush(w);
}

static int make(struct store *store, struct store_snapshot *s,
    snapshot_fill_fn fill, void *arg)
{
	struct snapshot_writer w = {.fd = open_memory(), .times = s->times};

	s->at = clock_ticks();
	s->from = clock_now();
	int rc = w.fd < 0 ? w.fd : fill(store, &w, arg);

	if (!rc)
		rc = flush(&w);
	bytes_free(&w.buffer);
	s->fd = w.fd;
	s->size = w.size;
	s->times = w.times;
	s->cost = clock_ticks() - s->at;
	return rc;
}

void store_snapshot_put(struct store_snapshot *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (s->fd >= 0)
		close(s->fd);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

static struct store_snapshot **slot(
    struct store *store, enum store_list which, int64_t id)
{
	if (!id)
		return &store->lists.global[which];
	return &store->lists
		    .slot[((uint64_t)id * STORE_LISTS + which) % RENDERED];
}

static struct store_snapshot *find(
    struct store *store, enum store_list which, int64_t id, int64_t version)
{
	pthread_mutex_lock(&store->lists.lock);
	struct store_snapshot *s = *slot(store, which, id);
	if (s && (s->which != which || s->id != id || s->version < version))
		s = NULL;
	if (s)
		__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&store->lists.lock);
	return s;
}

/* Its readers read no more; whose reference this was. */
static void end_reading(struct store_snapshot *s)
{
	pthread_rwlock_wrlock(&s->lock);
	close(s->fd);
	s->fd = -1;
	pthread_rwlock_unlock(&s->lock);
	store_snapshot_put(s);
}

/*
 * Puts one that has been replaced (or NULL) behind the others, with
 * lists.lock held. Those that nobody reads go; if there is still no room,
 * the oldest ones.
 */
static void put_away(struct store *store, struct store_snapshot *s)
{
	struct store_snapshot **list = store->lists.replaced;
	size_t bytes = s ? s->size : 0;
	int n = 0, ended = 0;

	for (int i = 0; i < store->lists.replaced_count; i++)
		if (__atomic_load_n(&list[i]->refs, __ATOMIC_ACQUIRE) > 1) {
			bytes += list[i]->size;
			list[n++] = list[i];
		} else {
			store_snapshot_put(list[i]);
		}
	for (; ended < n && (n - ended == REPLACED || bytes > REPLACED_MAX);
	     ended++) {
		bytes -= list[ended]->size;
		end_reading(list[ended]);
	}
	n -= ended;
	memmove(list, list + ended, (size_t)n * sizeof(struct store_snapshot *));
	if (s)
		list[n++] = s;
	store->lists.replaced_count = n;
}

static void keep(struct store *store, struct store_snapshot *s)
{
	struct store_snapshot **at = slot(store, s->which, s->id);

	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&store->lists.lock);
	put_away(store, *at);
	*at = s;
	pthread_mutex_unlock(&store->lists.lock);
}

static pthread_mutex_t *lock_of(
    struct store *store, enum store_list which, int64_t id)
{
	return id ? snapshot_lock(store, id)
		  : &store->lists.render_global[which];
}

/* With its lock held: the one that somebody else has made meanwhile, or
 * another. */
static int get_locked(struct store *store, const struct store_snapshot *want,
    snapshot_fill_fn fill, void *arg, struct store_snapshot **out)
{
	*out = find(store, want->which, want->id, want->version);
	if (*out)
		return 0;
	struct store_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = *want;
	pthread_rwlock_init(&s->lock, NULL);
	int rc = make(store, s, fill, arg);
	if (rc) {
		store_snapshot_put(s);
		return rc;
	}
	keep(store, s);
	*out = s;
	return 0;
}

static struct store_snapshot wanted(
    enum store_list which, int64_t id, int64_t version, int64_t made)
{
	return (struct store_snapshot){.refs = 1,
	    .id = id,
	    .which = which,
	    .version = version,
	    .times = {.made = made, .until = CLOCK_MAX},
	    .fd = -1};
}

int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out)
{
	struct store_snapshot want = wanted(which, id, version, made);

	*out = find(store, which, id, version);
	if (*out)
		return 0;
	pthread_mutex_lock(lock_of(store, which, id));
	int rc = get_locked(store, &want, fill, arg, out);
	pthread_mutex_unlock(lock_of(store, which, id));
	return rc;
}

struct snapshot_times *snapshot_times(struct snapshot_writer *w)
{
	return &w->times;
}

/* A list is served at least this many times its render time. */
enum { RERENDER_FACTOR = 10 };

static bool good(const struct store_snapshot *s, int64_t basis)
{
	int64_t now = clock_now();

	if (clock_ticks() - s->at < RERENDER_FACTOR * s->cost)
		return true;
	/* one from the future shows as expired what is not */
	return s->times.basis == basis && now >= s->from &&
	       now / CLOCK_SECOND < s->times.until;
}

int snapshot_get_lazily(struct store *store, enum store_list which,
    int64_t basis, bool look, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out)
{
	struct store_snapshot *s = find(store, which, 0, 0);
	struct store_snapshot want = wanted(which, 0, s ? s->version + 1 : 1, 0);

	*out = s;
	if (s && (!look || good(s, basis)))
		return 0;
	/* while somebody makes one, the others go on with what there is */
	if (!s)
		pthread_mutex_lock(&store->lists.render_global[which]);
	else if (pthread_mutex_trylock(&store->lists.render_global[which]))
		return 0;
	int rc = get_locked(store, &want, fill, arg, out);
	pthread_mutex_unlock(&store->lists.render_global[which]);
	store_snapshot_put(s);
	return rc;
}

pthread_mutex_t *snapshot_lock(struct store *store, int64_t id)
{
	return &store->lists.render[(uint64_t)id % RENDER_LOCKS];
}

void list_cache_init(struct list_cache *cache)
{
	pthread_mutex_init(&cache->lock, NULL);
	for (int i = 0; i < RENDER_LOCKS; i++)
		pthread_mutex_init(&cache->render[i], NULL);
	for (int i = 0; i < STORE_LISTS; i++)
		pthread_mutex_init(&cache->render_global[i], NULL);
}

void list_cache_destroy(struct list_cache *cache)
{
	for (int i = 0; i < RENDERED; i++)
		store_snapshot_put(cache->slot[i]);
	for (int i = 0; i < STORE_LISTS; i++)
		store_snapshot_put(cache->global[i]);
	for (int i = 0; i < cache->replaced_count; i++)
		store_snapshot_put(cache->replaced[i]);
	pthread_mutex_destroy(&cache->lock);
	for (int i = 0; i < RENDER_LOCKS; i++)
		pthread_mutex_destroy(&cache->render[i]);
	for (int i = 0; i < STORE_LISTS; i++)
		pthread_mutex_destroy(&cache->render_global[i]);
}

size_t store_snapshot_size(const struct store_snapshot *s)
{
	return s->size;
}

int64_t store_snapshot_made(const struct store_snapshot *s)
{
	return s->times.made;
}

int store_snapshot_read(
    struct store_snapshot *s, int64_t offset, size_t size, struct bytes *out)
{
	size_t before = out->len;

	if (offset < 0 || (uint64_t)offset >= s->size)
		return 0;
	if (size > s->size - (size_t)offset)
		size = s->size - (size_t)offset;
	int rc = bytes_extend(out, size);
	if (rc)
		return rc;
	pthread_rwlock_rdlock(&s->lock);
	if (s->fd < 0)
		rc = -ESTALE;
	for (size_t got = 0; !rc && got < size;) {
		ssize_t n = pread(s->fd, out->data + before + got, size - got,
		    (off_t)(offset + (int64_t)got));
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno != EINTR)
			rc = -EIO;
	}
	pthread_rwlock_unlock(&s->lock);
	return rc;
}
