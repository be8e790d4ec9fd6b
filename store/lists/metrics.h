/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_METRICS_H
#define STORE_LISTS_METRICS_H

/* Counters, and the list `metrics` that shows them. */
#include "store/base/histogram.h"
#include "store/store.h"

enum metrics_event {
	METRICS_ENROLLED,
	METRICS_AGAIN, /* the same certificate once more */
	METRICS_RENEWED,
	METRICS_COPIED,
	METRICS_EVENTS
};

enum {
	METRICS_ERRORS = 136, /* above the largest errno */
	METRICS_HASH = 32,
};

struct metrics {
	int64_t started; /* moment */
	_Atomic uint64_t event[METRICS_EVENTS];
	_Atomic uint64_t refused[METRICS_ERRORS];
	struct histogram sign;
	/* The content rendered last and the second since which it is shown;
	 * with its render lock held. */
	unsigned char shown[METRICS_HASH];
	int64_t shown_since;
	unsigned int pad; /* contents before it within that second */
};

void metrics_event(struct store *store, enum metrics_event event);

/* Counts a refusal with -errno. */
void metrics_refused(struct store *store, int error);

/* store_snapshot of STORE_METRICS. */
int list_metrics(struct store *store, bool look, struct store_snapshot **out);

#endif
