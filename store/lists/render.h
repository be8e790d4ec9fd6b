/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_RENDER_H
#define STORE_LISTS_RENDER_H

/* Rendered lists: rendered once, shared by all readers, cached. */
#include <pthread.h>

#include "store/base/clock.h"
#include "store/snapshot.h"
#include "store/store.h"

enum { RENDERED = 64, REPLACED = 64, RENDER_LOCKS = 16 };

/*
 * How often a list is made again, whatever asks for it: one that takes no more
 * than CHEAP each time it has changed; another at most a tenth of the time.
 */
#define LIST_CHEAP (CLOCK_SECOND / 100)
struct list_pace {
	int64_t started; /* clock_ticks */
	int64_t cost;	 /* clock_thread */
};

struct list_pace list_pace_begin(void);
void list_pace_end(struct list_pace *pace);
bool list_is_costly(const struct list_pace *pace);
/* Until when (clock_ticks) the list that was made is to be served. */
int64_t list_served_until(const struct list_pace *pace);

struct list_cache {
	/* Held while a list is rendered. Index: the object's id modulo
	 * RENDER_LOCKS; for global lists (id 0) the kind of list. */
	pthread_mutex_t render[RENDER_LOCKS], render_global[STORE_LISTS];
	pthread_mutex_t lock; /* for the rest */
	/* Of each certificate's last revocation list. Index: as of render. */
	struct crl_pace {
		int64_t cert;
		struct list_pace pace;
	} crl[RENDER_LOCKS];
	struct store_snapshot *slot[RENDERED], *global[STORE_LISTS];
	/* Replaced while open; the oldest first. */
	struct store_snapshot *replaced[REPLACED];
	int replaced_count;
};

void list_cache_init(struct list_cache *cache);
void list_cache_destroy(struct list_cache *cache);

struct snapshot_writer;

/* Renders a list with snapshot_add. Returns 0 or -errno. */
typedef int (*snapshot_fill_fn)(
    struct store *store, struct snapshot_writer *writer, void *arg);

/* Appends to the list. Returns 0, -EFBIG (over 1 GiB), or -errno. */
int snapshot_add(struct snapshot_writer *writer, const void *data, size_t len);

/*
 * Gets the object's list in this version or a later one; versions only grow.
 * Renders it unless it is cached; only one thread at a time calls fill, with
 * the render lock held. made is the moment of its content. With `paced`, an
 * earlier version is served while it is too early for another one (list_pace),
 * or if it is costly and another thread renders. Release *out with
 * store_snapshot_put. Returns 0 or -errno.
 */
int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, bool paced, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* Set by fill for snapshot_get_lazily. */
struct snapshot_times {
	int64_t basis; /* version of the data, which only grows */
	int64_t made;  /* moment of the content */
	int64_t until; /* seconds: the content changes then by itself */
};
struct snapshot_times *snapshot_times(struct snapshot_writer *writer);

/*
 * snapshot_get for global lists (id 0), which are costly. Renders the list
 * again only if `look` is set and its basis has changed or `until` has passed,
 * at the pace of list_pace. While one thread renders, others get the cached
 * list.
 */
int snapshot_get_lazily(struct store *store, enum store_list which,
    int64_t basis, bool look, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* The lock that is held while a list of this object is rendered. */
pthread_mutex_t *snapshot_lock(struct store *store, int64_t id);

#endif
