/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_METRICS_H
#define STORE_LISTS_METRICS_H

/* Counters, and the file `metrics`. */
#include "store/base/histogram.h"
#include "store/snapshot.h"
#include "store/store.h"

enum metrics_event {
	METRICS_ENROLLED,
	METRICS_AGAIN, /* retry: the same certificate returned again */
	METRICS_RENEWED,
	METRICS_COPIED, /* a provisioning key was read */
	METRICS_EVENTS
};

enum {
	METRICS_ERRORS = 136, /* more than the largest errno */
	METRICS_HASH = 32,
};

struct metrics {
	int64_t started; /* moment of the mount */
	_Atomic uint64_t event[METRICS_EVENTS];
	_Atomic uint64_t refused[METRICS_ERRORS];
	struct histogram sign; /* durations of signing */
	/* Protected by the render lock of STORE_METRICS. */
	unsigned char shown[METRICS_HASH]; /* SHA-256 of the last content */
	int64_t shown_since;		   /* moment; 0: none rendered yet */
	unsigned int pad; /* earlier contents within the same second */
};

/* Counts an event. Any thread may call it. */
void metrics_event(struct store *store, enum metrics_event event);

/* Counts a refusal by -errno; anything else counts as EIO. Any thread may call
 * it. */
void metrics_refused(struct store *store, int error);

/* Implements store_snapshot for STORE_METRICS. Returns as it does. */
int list_metrics(struct store *store, bool look, struct store_snapshot **out);

#endif
