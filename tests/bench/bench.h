/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * The workloads of scripts/bench: clients of a mount, and the raw operations
 * they are compared with. Each thread repeats one operation until the time is
 * up or no work is left. The result is printed as
 *
 *	DONE SECONDS RATE P50 P99 MAX	(latencies in microseconds)
 */
#include <stdbool.h>
#include <stddef.h>

struct thread {
	int number;
	void *state; /* of the workload */
	int argc;
	char **argv; /* arguments of the workload */
};

struct work {
	const char *name, *arguments;
	int min_arguments;
	/* Runs in each thread before the clock starts. Returns false after an
	 * error that it has printed. May be NULL. */
	bool (*prepare)(struct thread *thread);
	/* Performs the operation once; exits on an error. Returns false if no
	 * work is left. */
	bool (*once)(struct thread *thread);
};

extern const struct work client_work[], raw_work[]; /* end: name is NULL */

/* Prints a message, with errno's text unless errno is 0, and exits. */
void fail(const char *what) __attribute__((noreturn));

/* Concatenated PEM requests of a file, shared by all threads. */
struct requests {
	const char *text;
	size_t *at; /* count + 1 offsets: of each request, and of the end */
	size_t count;
};

/* Reads the file on the first call; later calls return the same requests. Any
 * thread may call it. Exits on an error. */
const struct requests *requests_read(const char *path);

/* Writes the requests of `count` new P-256 key pairs to a file. Returns 0, or
 * exits. */
int requests_make(int count, const char *path);

#endif
