/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_RENDER_H
#define STORE_LISTS_RENDER_H

/* Rendered lists: rendered once, shared by all readers, cached. */
#include <pthread.h>

#include "store/base/clock.h"
#include "store/snapshot.h"
#include "store/store.h"

enum { RENDERED = 64, REPLACED = 64, RENDER_LOCKS = 16, CRL_LASTS = 256 };

/*
 * The pace of all lists, whatever asks for them. Making one costs its time on a
 * CPU, and what it writes as if a disk took LIST_DISK bytes a second. That is
 * at most a tenth of the time, over LIST_WINDOW; one that costs more than
 * LIST_CHEAP is also not made twice within LIST_INTERVAL.
 */
#define LIST_CHEAP (CLOCK_SECOND / 100)
#define LIST_INTERVAL CLOCK_SECOND
#define LIST_WINDOW (10 * CLOCK_SECOND)
#define LIST_DISK INT64_C(20000000)
struct list_pace {
	int64_t started; /* clock_ticks; 0: never */
	int64_t cost;	 /* ns */
	int64_t paid;	 /* clock_ticks: ten times all costs are over */
};

struct list_pace list_pace_begin(void);
/* written: bytes on the disk; last: the pace before. */
void list_pace_end(
    struct list_pace *pace, size_t written, const struct list_pace *last);
bool list_is_costly(const struct list_pace *pace);
/* Until when (clock_ticks) the list that was made is to be served. */
int64_t list_served_until(const struct list_pace *pace);

struct list_cache {
	/* Held while a list is rendered. Index: the object's id modulo
	 * RENDER_LOCKS; for global lists (id 0) the kind of list. */
	pthread_mutex_t render[RENDER_LOCKS], render_global[STORE_LISTS];
	pthread_mutex_t lock; /* for the rest */
	/* Of each certificate's last revocation list, as far as this process
	 * knows. Index: as of render. */
	struct crl_last {
		int64_t cert;
		struct list_pace pace;
		int error; /* of the last attempt */
		/* The list with this number has all revoked certificates that
		 * expire then (seconds) or later. */
		int64_t number, since;
		size_t stored; /* its length with the room behind it */
	} crl[CRL_LASTS]; /* index: the certificate's id modulo their number */
	struct store_snapshot *slot[RENDERED], *global[STORE_LISTS];
	/* Replaced while open; the oldest first. */
	struct store_snapshot *replaced[REPLACED];
	int replaced_count;
};

void list_cache_init(struct list_cache *cache);
void list_cache_destroy(struct list_cache *cache);

struct snapshot_writer;

/* Renders the list of an object (id 0: a global one) with snapshot_add. Returns
 * 0 or -errno. */
typedef int (*snapshot_fill_fn)(struct store *store,
    struct snapshot_writer *writer, enum store_list which, int64_t id);

/* Appends to the list. Returns 0, -EFBIG (over 1 GiB), or -errno. */
int snapshot_add(struct snapshot_writer *writer, const void *data, size_t len);

/*
 * Gets the list in this version or a later one; versions only grow. Renders it
 * unless it is cached; only one thread at a time calls fill, with the render
 * lock held. made is the moment of its content. Release *out with
 * store_snapshot_put. Returns 0 or -errno.
 */
int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, snapshot_fill_fn fill,
    struct store_snapshot **out);

/* Set by fill for snapshot_look. */
struct snapshot_times {
	int64_t basis; /* version of the data, which only grows */
	int64_t made;  /* moment of the content */
	int64_t until; /* seconds: the content changes then by itself */
};
struct snapshot_times *snapshot_times(struct snapshot_writer *writer);

/*
 * snapshot_get for lists that are made again, at their pace, when their basis
 * has changed or `until` has passed. Without `look`, the cached one is returned
 * as it is.
 *
 * A cheap list is made here. A costly one is made by the keeper's thread, a
 * second after somebody has looked or later; until then all get the last one.
 * Only if nobody has looked for LIST_WINDOW it is made here, by one thread: who
 * looks once a day gets that day's list.
 */
int snapshot_look(struct store *store, enum store_list which, int64_t id,
    int64_t basis, bool look, snapshot_fill_fn fill,
    struct store_snapshot **out);

/* Makes the lists that snapshot_look has left to the keeper. Returns when
 * (clock_ticks) to call it again for those whose time has not come, or
 * INT64_MAX. */
int64_t snapshot_renew_all(struct store *store);

/* The lock that is held while a list of this object is rendered. */
pthread_mutex_t *snapshot_lock(struct store *store, int64_t id);

#endif
