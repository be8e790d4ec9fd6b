/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/hidden.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "store/base/clock.h"

struct slot {
	uint64_t dir;
	uint64_t entries; /* a bit for each */
	time_t until;	  /* monotonic; the slot is free afterwards */
};

struct renewed {
	uint64_t ino; /* 0: free */
	unsigned int generation;
};

static struct {
	pthread_mutex_t lock;
	struct renewed renewed[HIDDEN_DIRECTORIES];
	unsigned int next;	  /* slot to be used */
	unsigned int generations; /* the last one given */
	atomic_int renewals;	  /* slots in use */
	struct slot slot[HIDDEN_DIRECTORIES];
	/* When the last slot becomes free. Afterwards lookups need no lock. */
	_Atomic time_t until;
} hidden = {.lock = PTHREAD_MUTEX_INITIALIZER};

static time_t now(void)
{
	return clock_ticks() / CLOCK_SECOND;
}

/* The directory's slot, or NULL. */
static struct slot *find(uint64_t dir, time_t at)
{
	for (struct slot *s = hidden.slot; s < hidden.slot + HIDDEN_DIRECTORIES;
	     s++)
		if (s->dir == dir && s->until >= at)
			return s;
	return NULL;
}

/* The slot that becomes free first, or did. */
static struct slot *make_room(void)
{
	struct slot *oldest = hidden.slot;

	for (struct slot *s = hidden.slot; s < hidden.slot + HIDDEN_DIRECTORIES;
	     s++)
		if (s->until < oldest->until)
			oldest = s;
	return oldest;
}

void hidden_add(uint64_t dir, unsigned int entry)
{
	pthread_mutex_lock(&hidden.lock);
	time_t at = now();
	struct slot *s = find(dir, at);
	if (!s) {
		s = make_room();
		*s = (struct slot){.dir = dir};
	}
	s->entries |= UINT64_C(1) << entry;
	s->until = at + HIDDEN_SECONDS;
	atomic_store(&hidden.until, s->until);
	pthread_mutex_unlock(&hidden.lock);
}

bool hidden_has(uint64_t dir, unsigned int entry)
{
	time_t at = now();

	if (atomic_load(&hidden.until) < at)
		return false;
	pthread_mutex_lock(&hidden.lock);
	const struct slot *s = find(dir, at);
	bool is = s && s->entries >> entry & 1;
	pthread_mutex_unlock(&hidden.lock);
	return is;
}

void hidden_show(uint64_t dir, unsigned int entry)
{
	pthread_mutex_lock(&hidden.lock);
	struct slot *s = find(dir, now());
	if (s)
		s->entries &= ~(UINT64_C(1) << entry);
	pthread_mutex_unlock(&hidden.lock);
}

static struct renewed *find_renewed(uint64_t ino)
{
	for (struct renewed *r = hidden.renewed;
	     r < hidden.renewed + HIDDEN_DIRECTORIES; r++)
		if (r->ino == ino)
			return r;
	return NULL;
}

void hidden_renew(uint64_t ino)
{
	pthread_mutex_lock(&hidden.lock);
	struct renewed *r = find_renewed(ino);
	if (!r) { /* replace the oldest: at worst, a process that still has that
		     directory open sees the new one */
		r = &hidden.renewed[hidden.next++ % HIDDEN_DIRECTORIES];
		atomic_fetch_add(&hidden.renewals, r->ino ? 0 : 1);
		*r = (struct renewed){.ino = ino};
	}
	r->generation = ++hidden.generations;
	pthread_mutex_unlock(&hidden.lock);
}

unsigned int hidden_generation(uint64_t ino)
{
	if (!atomic_load(&hidden.renewals))
		return 0;
	pthread_mutex_lock(&hidden.lock);
	const struct renewed *r = find_renewed(ino);
	unsigned int generation = r ? r->generation : 0;
	pthread_mutex_unlock(&hidden.lock);
	return generation;
}

void hidden_forget(uint64_t dir)
{
	pthread_mutex_lock(&hidden.lock);
	struct slot *s = find(dir, now());
	if (s)
		s->until = 0;
	struct renewed *r = find_renewed(dir);
	if (r) {
		*r = (struct renewed){0};
		atomic_fetch_sub(&hidden.renewals, 1);
	}
	pthread_mutex_unlock(&hidden.lock);
}
