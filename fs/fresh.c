/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fresh.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "fs/ino.h"
#include "store/base/clock.h"

enum { COUNTERS = 1 << 16 };

/* The number that was given last for a file. */
struct given {
	uint64_t ino;	   /* with its counter; 0: none */
	unsigned int open; /* on this number */
	unsigned int all;  /* on all numbers of the file */
};

static struct {
	pthread_mutex_t lock;
	uint16_t next;
	/* By file. Where two share a place, the later one takes it; the other
	 * gets a fresh number at its next lookup. */
	struct given last[FRESH_FILES];
	/* When each counter was given last, and to which file: see stamp. */
	_Atomic uint32_t given[COUNTERS];
} fresh = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint16_t now(void)
{
	return (uint16_t)(clock_ticks() / CLOCK_SECOND);
}

/* The second and the file, 16 bits each. That others have the same costs
 * fresh_each a call more. */
static uint32_t stamp(uint16_t at, uint64_t ino)
{
	uint64_t file = ino_without_counter(ino);

	return (uint32_t)at << 16 | (uint16_t)(file ^ file >> 16 ^ file >> 48);
}

static struct given *place(uint64_t ino)
{
	uint64_t file = ino_without_counter(ino);

	return &fresh.last[(file ^ file >> 48) % FRESH_FILES];
}

static bool is_of(const struct given *g, uint64_t ino)
{
	return g->ino &&
	       ino_without_counter(g->ino) == ino_without_counter(ino);
}

static void take_fresh(struct given *g, uint64_t ino)
{
	g->all = is_of(g, ino) ? g->all : 0;
	g->open = 0;
	g->ino = ino_conversation(ino, fresh.next++);
}

uint64_t fresh_give(uint64_t ino)
{
	pthread_mutex_lock(&fresh.lock);
	struct given *g = place(ino);
	unsigned int shared = g->all >= FRESH_ALONE;
	if (!is_of(g, ino) || g->open > shared)
		take_fresh(g, ino);
	uint64_t given = g->ino;
	atomic_store(&fresh.given[ino_counter(given)], stamp(now(), given));
	pthread_mutex_unlock(&fresh.lock);
	return given;
}

void fresh_open(uint64_t ino)
{
	pthread_mutex_lock(&fresh.lock);
	struct given *g = place(ino);
	g->all += is_of(g, ino);
	g->open += g->ino == ino;
	pthread_mutex_unlock(&fresh.lock);
}

void fresh_close(uint64_t ino)
{
	pthread_mutex_lock(&fresh.lock);
	struct given *g = place(ino);
	/* the place may have been another file's meanwhile */
	g->all -= is_of(g, ino) && g->all;
	g->open -= g->ino == ino && g->open;
	pthread_mutex_unlock(&fresh.lock);
}

int fresh_each(uint64_t ino, int (*fn)(uint64_t ino, void *arg), void *arg)
{
	uint32_t present = stamp(now(), ino);
	int rc = 0;

	for (unsigned int i = 0; i < COUNTERS && !rc; i++) {
		/* the files are equal where the lower halves cancel out */
		uint32_t age = present - atomic_load(&fresh.given[i]);
		if (!(age & 0xffff) && age >> 16 <= FRESH_SECONDS)
			rc = fn(ino_conversation(ino, (uint16_t)i), arg);
	}
	return rc;
}
