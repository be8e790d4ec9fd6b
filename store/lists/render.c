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
#include "store/lists/notice.h"

/*
 * One thread renders a list; others that need it wait. The newest version stays
 * cached, older ones as long as they are open. At most REPLACED older versions
 * exist, so that readers cannot pile them up by keeping files open.
 */

struct store_snapshot {
	int refs;
	pthread_rwlock_t lock; /* protects fd; taken under lists.lock */
	int64_t id;
	enum store_list which;
	int64_t version;
	struct snapshot_times times;
	struct list_pace pace;
	snapshot_fill_fn fill;
	_Atomic int64_t looked; /* clock_ticks: the last look at it */
	_Atomic int64_t wanted; /* likewise, at which it was out of date */
	int64_t render_moment;	/* clock_now at the start */
	int fd;			/* -1: invalidated */
	size_t size;
};

enum { BUFFER = 65536 };

/* --- the pace --- */

/* A list is served this many times as long as making it took. */
enum { SERVED_FACTOR = 10 };

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct list_pace list_pace_begin(void)
{
	return (struct list_pace){
	    .started = clock_ticks(), .cost = clock_thread()};
}

void list_pace_end(
    struct list_pace *pace, size_t written, const struct list_pace *last)
{
	pace->cost = clock_thread() - pace->cost +
		     (int64_t)written * (CLOCK_SECOND / LIST_DISK);
	pace->paid = later(last->paid, pace->started) +
		     SERVED_FACTOR * pace->cost;
}

bool list_is_costly(const struct list_pace *pace)
{
	return pace->cost > LIST_CHEAP;
}

int64_t list_served_until(const struct list_pace *pace)
{
	if (!list_is_costly(pace))
		return pace->paid - LIST_WINDOW;
	return pace->started + later(LIST_INTERVAL, SERVED_FACTOR * pace->cost);
}

/* --- rendering --- */

/*
 * Lists are in memory (memfd_create(2)), not on the store's disk: reading must
 * work while that is full or frozen. Limits in bytes: LIST_MAX for one list,
 * REPLACED_MAX for all older versions.
 */
#define LIST_MAX ((size_t)1 << 30)
#define REPLACED_MAX ((size_t)256 << 20)

struct snapshot_writer {
	int fd;
	struct snapshot_times times;
	size_t size;
	struct bytes buffer;
};

static int open_memfd(void)
{
	int fd = memfd_create("enrollfs", MFD_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* the caller must not see EMFILE: it would look like their own limit */
	report(LOG_ERR, "cannot create a temporary file: %s", strerror(errno));
	return errno == ENOMEM ? -ENOMEM : -EIO;
}

static int flush(struct snapshot_writer *w)
{
	const unsigned char *p = w->buffer.data;
	size_t left = w->buffer.len;

	if (left > LIST_MAX - w->size) {
		report(LOG_ERR,
		    "cannot render a list: it has more than %zu bytes",
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

/* s->pace: that of the list before. */
static int render(struct store *store, struct store_snapshot *s)
{
	struct snapshot_writer w = {.fd = open_memfd(), .times = s->times};
	struct list_pace last = s->pace;

	s->pace = list_pace_begin();
	s->render_moment = clock_now();
	int rc = w.fd < 0 ? w.fd : s->fill(store, &w, s->which, s->id);

	if (!rc)
		rc = flush(&w);
	bytes_free(&w.buffer);
	s->fd = w.fd;
	s->size = w.size;
	s->times = w.times;
	list_pace_end(&s->pace, 0, &last);
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

/* Closes a snapshot under its readers, which get -ESTALE; drops the cache's
 * reference. */
static void invalidate(struct store_snapshot *s)
{
	pthread_rwlock_wrlock(&s->lock);
	close(s->fd);
	s->fd = -1;
	pthread_rwlock_unlock(&s->lock);
	store_snapshot_put(s);
}

/*
 * Adds a replaced snapshot (or NULL) to lists.replaced, with lists.lock held.
 * Drops those that are not open and, if there is still no room, invalidates the
 * oldest ones.
 */
static void retire(struct store *store, struct store_snapshot *s)
{
	struct store_snapshot **list = store->lists.replaced;
	size_t bytes = s ? s->size : 0;
	int n = 0, invalidated = 0;

	for (int i = 0; i < store->lists.replaced_count; i++)
		if (__atomic_load_n(&list[i]->refs, __ATOMIC_ACQUIRE) > 1) {
			bytes += list[i]->size;
			list[n++] = list[i];
		} else {
			store_snapshot_put(list[i]);
		}
	for (; invalidated < n &&
	       (n - invalidated == REPLACED || bytes > REPLACED_MAX);
	     invalidated++) {
		bytes -= list[invalidated]->size;
		invalidate(list[invalidated]);
	}
	n -= invalidated;
	memmove(list, list + invalidated,
	    (size_t)n * sizeof(struct store_snapshot *));
	if (s)
		list[n++] = s;
	store->lists.replaced_count = n;
}

static void cache(struct store *store, struct store_snapshot *s)
{
	struct store_snapshot **cached = slot(store, s->which, s->id);

	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&store->lists.lock);
	retire(store, *cached);
	*cached = s;
	pthread_mutex_unlock(&store->lists.lock);
}

static pthread_mutex_t *render_lock(
    struct store *store, enum store_list which, int64_t id)
{
	return id ? snapshot_lock(store, id)
		  : &store->lists.render_global[which];
}

/* With the render lock held: gets the snapshot that another thread has rendered
 * meanwhile, or renders it. */
static int get_locked(struct store *store, const struct store_snapshot *want,
    struct store_snapshot **out)
{
	*out = find(store, want->which, want->id, want->version);
	if (*out)
		return 0;
	struct store_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	memcpy(s, want, sizeof(*s));
	pthread_rwlock_init(&s->lock, NULL);
	int rc = render(store, s);
	if (rc) {
		store_snapshot_put(s);
		return rc;
	}
	cache(store, s);
	*out = s;
	return 0;
}

/* What is to be rendered; last: the one before, or NULL. */
static struct store_snapshot new_snapshot(enum store_list which, int64_t id,
    snapshot_fill_fn fill, const struct store_snapshot *last)
{
	return (struct store_snapshot){.refs = 1,
	    .id = id,
	    .which = which,
	    .version = last ? last->version + 1 : 1,
	    .times = {.until = CLOCK_MAX},
	    .fill = fill,
	    .pace = last ? last->pace : (struct list_pace){0},
	    .looked = last ? atomic_load(&last->looked) : clock_ticks(),
	    .fd = -1};
}

int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, snapshot_fill_fn fill,
    struct store_snapshot **out)
{
	struct store_snapshot want = new_snapshot(which, id, fill, NULL);

	want.version = version;
	want.times.made = made;
	*out = find(store, which, id, version);
	if (*out)
		return 0;
	pthread_mutex_lock(render_lock(store, which, id));
	int rc = get_locked(store, &want, out);
	pthread_mutex_unlock(render_lock(store, which, id));
	return rc;
}

struct snapshot_times *snapshot_times(struct snapshot_writer *w)
{
	return &w->times;
}

static bool is_out_of_date(const struct store_snapshot *s, int64_t basis)
{
	int64_t now = clock_now();

	/* rendered in the future: it shows objects as expired too early */
	return s->times.basis != basis || now < s->render_moment ||
	       now / CLOCK_SECOND >= s->times.until;
}

/* Somebody looks. Returns whether the list that is cached will do. */
static bool will_do(struct store *store, struct store_snapshot *s, int64_t basis)
{
	int64_t now = clock_ticks(), none = 0,
		last = atomic_exchange(&s->looked, now);

	if (!is_out_of_date(s, basis))
		return true;
	if (!list_is_costly(&s->pace) || now - last > LIST_WINDOW)
		return now < list_served_until(&s->pace);
	if (atomic_compare_exchange_strong(&s->wanted, &none, now))
		notice_wake(store);
	return true;
}

int snapshot_look(struct store *store, enum store_list which, int64_t id,
    int64_t basis, bool look, snapshot_fill_fn fill,
    struct store_snapshot **out)
{
	pthread_mutex_t *lock = render_lock(store, which, id);
	struct store_snapshot *s = find(store, which, id, 0);
	struct store_snapshot want = new_snapshot(which, id, fill, s);

	*out = s;
	if (s && (!look || will_do(store, s, basis)))
		return 0;
	/* while another thread renders, serve the cached one */
	if (!s)
		pthread_mutex_lock(lock);
	else if (pthread_mutex_trylock(lock))
		return 0;
	int rc = get_locked(store, &want, out);
	pthread_mutex_unlock(lock);
	store_snapshot_put(s);
	return rc;
}

/* --- the keeper's part --- */

enum { CACHED = RENDERED + STORE_LISTS };

/* Gets references to the lists that are wanted. Returns their number. */
static int find_wanted(struct store *store, struct store_snapshot *out[CACHED])
{
	struct list_cache *c = &store->lists;
	int n = 0;

	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < CACHED; i++) {
		struct store_snapshot *s = i < RENDERED
					       ? c->slot[i]
					       : c->global[i - RENDERED];
		if (!s || !atomic_load(&s->wanted))
			continue;
		__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
		out[n++] = s;
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* Who was told its size opens it a moment later. */
static int64_t due(const struct store_snapshot *s)
{
	return later(list_served_until(&s->pace),
	    atomic_load(&s->wanted) + LIST_INTERVAL);
}

/* Where it fails, the next look wants it again. */
static void renew(struct store *store, struct store_snapshot *s)
{
	pthread_mutex_t *lock = render_lock(store, s->which, s->id);
	struct store_snapshot want = new_snapshot(s->which, s->id, s->fill, s);
	struct store_snapshot *out = NULL;

	atomic_store(&s->wanted, 0);
	pthread_mutex_lock(lock);
	get_locked(store, &want, &out);
	pthread_mutex_unlock(lock);
	store_snapshot_put(out);
}

int64_t snapshot_renew_all(struct store *store)
{
	struct store_snapshot *wanted[CACHED];
	int64_t next = INT64_MAX;
	int n = find_wanted(store, wanted);

	for (int i = 0; i < n; i++) {
		int64_t at = due(wanted[i]);
		/* revocations, and the end, do not wait for all of them */
		if (at <= clock_ticks() && !notice_is_due(store))
			renew(store, wanted[i]);
		else if (at < next)
			next = at;
		store_snapshot_put(wanted[i]);
	}
	return next;
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
