/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_HISTOGRAM_H
#define STORE_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/* How long something took, counted by size; any thread may count.
 * Zero-initialise it. */
enum { HISTOGRAM_BUCKETS = 16 };

struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS +
				1]; /* the last: longer than all of them */
	_Atomic uint64_t sum;	    /* nanoseconds */
};

/* The upper bound of a bucket in nanoseconds: 50 us, and twice as much from one
 * to the next. */
int64_t histogram_bound(int bucket);

/* Counts one that took so many nanoseconds. */
void histogram_add(struct histogram *histogram, int64_t nanoseconds);

#endif
