/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/histogram.h"

int64_t histogram_bound(int bucket)
{
	return INT64_C(50000) << bucket;
}

void histogram_add(struct histogram *h, int64_t nanoseconds)
{
	int i = 0;

	while (i < HISTOGRAM_BUCKETS && nanoseconds > histogram_bound(i))
		i++;
	atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum,
	    nanoseconds > 0 ? (uint64_t)nanoseconds : 0, memory_order_relaxed);
}
