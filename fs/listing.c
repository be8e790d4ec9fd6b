/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/listing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "store/base/clock.h"

struct listing {
	uint64_t dir;
	uint64_t handle; /* 0: the slot is free */
	uint64_t number; /* in the order in which they began */
	int64_t at;	 /* clock_ticks: when */
};

#define LISTING_TICKS (LISTING_MS * (CLOCK_SECOND / 1000))

static struct {
	atomic_int count;
	pthread_mutex_t lock;
	uint64_t begun;
	struct listing slot[LISTINGS];
} listings = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With the lock held. Returns the slot of a handle, or NULL. */
static struct listing *find(uint64_t handle)
{
	for (struct listing *l = listings.slot; l < listings.slot + LISTINGS;
	     l++)
		if (l->handle == handle)
			return l;
	return NULL;
}

static void free_slot(struct listing *l)
{
	l->handle = 0;
	atomic_fetch_sub(&listings.count, 1);
}

/* With the lock held: a slot that is free, or whose listing is over. */
static struct listing *find_room(int64_t now)
{
	struct listing *l = find(0);

	for (struct listing *old = listings.slot;
	     !l && old < listings.slot + LISTINGS; old++)
		if (old->at <= now - LISTING_TICKS) {
			free_slot(old);
			l = old;
		}
	return l;
}

bool listing_begin(uint64_t dir, uint64_t handle)
{
	int64_t now = clock_ticks();

	pthread_mutex_lock(&listings.lock);
	struct listing *l = find_room(now);
	if (l) {
		*l = (struct listing){dir, handle, ++listings.begun, now};
		atomic_fetch_add(&listings.count, 1);
	}
	pthread_mutex_unlock(&listings.lock);
	return l;
}

void listing_end(uint64_t handle)
{
	if (!atomic_load(&listings.count))
		return;
	pthread_mutex_lock(&listings.lock);
	struct listing *l = find(handle);
	if (l)
		free_slot(l);
	pthread_mutex_unlock(&listings.lock);
}

/* Counts those of a directory that began up to a number, and less than
 * LISTING_MS ago. drop: and forgets them. */
static int count(uint64_t dir, uint64_t last, bool drop)
{
	int64_t over = clock_ticks() - LISTING_TICKS;
	int n = 0;

	pthread_mutex_lock(&listings.lock);
	for (struct listing *l = listings.slot; l < listings.slot + LISTINGS;
	     l++) {
		if (!l->handle || (dir && l->dir != dir) || l->number > last ||
		    l->at <= over)
			continue;
		n++;
		if (drop)
			free_slot(l);
	}
	pthread_mutex_unlock(&listings.lock);
	return n;
}

static uint64_t last_begun(void)
{
	pthread_mutex_lock(&listings.lock);
	uint64_t last = listings.begun;
	pthread_mutex_unlock(&listings.lock);
	return last;
}

bool listing_wait(uint64_t dir)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	if (!atomic_load(&listings.count))
		return false;
	uint64_t last = last_begun();
	if (!count(dir, last, false))
		return false;
	for (int ms = 0; ms < LISTING_MS && count(dir, last, false); ms++)
		nanosleep(&pause, NULL);
	count(dir, last, true);
	return true;
}
