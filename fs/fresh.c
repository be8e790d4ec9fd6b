/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fresh.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "fs/ino.h"

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
	/* When each counter was given last; monotonic, 0: never. */
	_Atomic uint32_t at[COUNTERS];
} fresh = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint32_t)at.tv_sec + 1;
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
	atomic_store(&fresh.at[ino_counter(given)], now());
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
	uint32_t since = now() - FRESH_SECONDS;
	int rc = 0;

	for (unsigned int i = 0; i < COUNTERS && !rc; i++) {
		uint32_t at = atomic_load(&fresh.at[i]);
		if (at && (int32_t)(at - since) >= 0)
			rc = fn(ino_conversation(ino, (uint16_t)i), arg);
	}
	return rc;
}
