/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_RENDER_H
#define STORE_LISTS_RENDER_H

/* Rendered lists: made once, shared by all readers, cached. */
#include <pthread.h>

#include "store/store.h"

enum { RENDERED = 64, REPLACED = 64, RENDER_LOCKS = 16 };

struct list_cache {
	/* Held while a list is rendered: by the object's id; of lists of
	 * everything (id 0), by kind. */
	pthread_mutex_t render[RENDER_LOCKS], render_global[STORE_LISTS];
	pthread_mutex_t lock; /* for the rest */
	struct store_snapshot *slot[RENDERED], *global[STORE_LISTS];
	/* Replaced but still being read, the oldest first. */
	struct store_snapshot *replaced[REPLACED];
	int replaced_count;
};

void list_cache_init(struct list_cache *cache);
void list_cache_destroy(struct list_cache *cache);

struct snapshot_writer;

/* Writes the whole list with snapshot_add. Returns 0 or -errno. */
typedef int (*snapshot_fill_fn)(
    struct store *store, struct snapshot_writer *writer, void *arg);

int snapshot_add(struct snapshot_writer *writer, const void *data, size_t len);

/*
 * Takes the object's list in this version or a later one; versions only grow.
 * Renders it if it is not cached, in one thread at a time: fill is called with
 * snapshot_lock held. made: the moment of its content. Returns 0 or -errno.
 */
int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* Set by `fill` of a list that is served for a while after a change. */
struct snapshot_times {
	int64_t basis; /* the state it shows: a number that only grows */
	int64_t made;  /* moment of its content */
	int64_t until; /* seconds; then it changes without a change of basis */
};
struct snapshot_times *snapshot_times(struct snapshot_writer *writer);

/*
 * snapshot_get for lists of everything (id 0). Takes the cached list, unless
 * `look` is set and the basis has changed or its time is up: then renders it,
 * but spends at most a tenth of the time on that.
 */
int snapshot_get_lazily(struct store *store, enum store_list which,
    int64_t basis, bool look, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* Held while a list of this object is rendered. */
pthread_mutex_t *snapshot_lock(struct store *store, int64_t id);

#endif
