/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"

enum { SAMPLES = 1 << 18 }; /* latencies kept for each thread */

struct runner {
	pthread_t id;
	struct thread thread;
	const struct work *work;
	pthread_barrier_t *start;
	int64_t duration; /* nanoseconds */
	int64_t done, began, ended;
	uint32_t *latency; /* nanoseconds / 100 */
	size_t samples;
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void fail(const char *what)
{
	if (errno)
		perror(what);
	else
		fprintf(stderr, "%s\n", what);
	exit(1);
}

static void *run(void *arg)
{
	struct runner *r = arg;

	if (r->work->prepare && !r->work->prepare(&r->thread))
		exit(1);
	pthread_barrier_wait(r->start);
	r->began = now();
	int64_t before = r->began, after = before;
	while (after < r->began + r->duration && r->work->once(&r->thread)) {
		after = now();
		if (r->samples < SAMPLES)
			r->latency[r->samples++] = (uint32_t)((after - before) /
							      100);
		before = after;
		r->done++;
	}
	r->ended = after;
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const struct runner *runners, int threads)
{
	size_t samples = 0;
	int64_t done = 0, began = INT64_MAX, ended = 0;

	for (int i = 0; i < threads; i++) {
		const struct runner *r = &runners[i];
		samples += r->samples;
		done += r->done;
		began = r->began < began ? r->began : began;
		ended = r->ended > ended ? r->ended : ended;
	}
	uint32_t *all = calloc(samples + 1, sizeof(*all));
	if (!all)
		fail("memory");
	size_t n = 0;
	for (int i = 0; i < threads; i++) {
		memcpy(all + n, runners[i].latency,
		    runners[i].samples * sizeof(*all));
		n += runners[i].samples;
	}
	qsort(all, n, sizeof(*all), by_size);
	double seconds = (double)(ended - began) / 1e9;
	printf("%lld %.4f %.1f %.1f %.1f %.1f\n", (long long)done, seconds,
	    (double)done / seconds, n ? all[n / 2] / 10.0 : 0,
	    n ? all[n - 1 - n / 100] / 10.0 : 0, n ? all[n - 1] / 10.0 : 0);
	free(all);
}

static int measure(const struct work *work, int argc, char **argv)
{
	int threads = atoi(argv[0]);
	pthread_barrier_t start;
	struct runner *runners = calloc((size_t)threads, sizeof(*runners));

	if (threads < 1 || !runners)
		fail("threads");
	pthread_barrier_init(&start, NULL, (unsigned int)threads);
	for (int i = 0; i < threads; i++) {
		struct runner *r = &runners[i];
		r->work = work;
		r->start = &start;
		r->duration = (int64_t)(atof(argv[1]) * 1e9);
		r->thread = (struct thread){
		    .number = i, .argc = argc - 2, .argv = argv + 2};
		r->latency = malloc(SAMPLES * sizeof(*r->latency));
		if (!r->latency || pthread_create(&r->id, NULL, run, r))
			fail("thread");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(runners[i].id, NULL);
	print(runners, threads);
	return 0;
}

static void usage(const struct work *work)
{
	for (; work->name; work++)
		fprintf(stderr, "       bench %s THREADS SECONDS %s\n",
		    work->name, work->arguments);
}

int main(int argc, char **argv)
{
	const struct work *const all[] = {client_work, raw_work};

	if (argc == 4 && strcmp(argv[1], "requests") == 0)
		return requests_make(atoi(argv[2]), argv[3]);
	for (size_t i = 0; i < 2 && argc > 3; i++)
		for (const struct work *work = all[i]; work->name; work++)
			if (strcmp(argv[1], work->name) == 0 &&
			    argc - 4 >= work->min_arguments)
				return measure(work, argc - 2, argv + 2);
	fputs("usage: bench requests COUNT FILE\n", stderr);
	usage(client_work);
	usage(raw_work);
	return 2;
}
