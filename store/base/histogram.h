/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_HISTOGRAM_H
#define STORE_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/* A histogram of durations. Zero-initialize it; any thread may add to it. */
enum { HISTOGRAM_BUCKETS = 16 };

struct histogram {
	/* not cumulative; the last one counts durations above every bound */
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS + 1];
	_Atomic uint64_t sum; /* nanoseconds */
};

/* The inclusive upper bound of a bucket, in nanoseconds: 50 us for the first,
 * doubled for each next one. */
int64_t histogram_bound(int bucket);

/* Counts one duration. A negative one counts as 0. */
void histogram_add(struct histogram *histogram, int64_t nanoseconds);

#endif
