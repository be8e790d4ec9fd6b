/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * The clients of scripts/bench, and what they are compared with. Each kind of
 *work is a function that does it once; threads call it until time is up or work
 *is out, and what it took is printed as
 *
 *	DONE SECONDS RATE P50 P99 MAX	(the last three in microseconds)
 */
#include <stdbool.h>
#include <stddef.h>

struct thread {
	int number;
	void *own; /* what the work keeps for each thread */
	int argc;
	char **argv; /* of the work */
};

struct work {
	const char *name, *arguments;
	int least; /* arguments */
	/* Before the clock runs, in each thread; false: said what is wrong. May
	 * be NULL. */
	bool (*prepare)(struct thread *thread);
	/* Once; false: nothing is left to do. Exits where it goes wrong. */
	bool (*once)(struct thread *thread);
};

extern const struct work client_work[], raw_work[]; /* the last has no name */

/* Ends the program, with errno's text if there is one. */
void fail(const char *what) __attribute__((noreturn));

/* PEM requests, one behind the other in a file; the same for all threads. */
struct requests {
	const char *text;
	size_t *at; /* where each begins, and behind the last */
	size_t count;
};
const struct requests *requests_read(const char *path);

/* Makes P-256 key pairs and writes their requests. */
int requests_make(int count, const char *path);

#endif
