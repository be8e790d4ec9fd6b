/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_CLOCK_H
#define STORE_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * Two units. A moment, the time of an event, is in nanoseconds since the epoch.
 * A date, set by people or in a certificate (expires, not_before, not_after),
 * is in seconds.
 */
#define CLOCK_SECOND INT64_C(1000000000)

/* The largest date: 9999-12-31T23:59:59Z, the last one of GeneralizedTime (RFC
 * 5280 4.1.2.5) and RFC 3339. */
#define CLOCK_MAX INT64_C(253402300799)

/* The smallest date in a certificate: 0000-01-01T00:00:00Z. */
#define CLOCK_MIN INT64_C(-62167219200)

enum { CLOCK_TEXT = sizeof("2026-11-22T10:15:00Z") };

/* The present moment (CLOCK_REALTIME), in nanoseconds. */
int64_t clock_now(void);

/* Nanoseconds since an arbitrary start (CLOCK_MONOTONIC), for durations and
 * timeouts: setting the clock does not affect it. */
int64_t clock_ticks(void);

/* Makes a condition whose waits end by that clock. */
void clock_condition(pthread_cond_t *condition);

/* A value of clock_ticks, as pthread_cond_timedwait(3) takes it. */
struct timespec clock_at(int64_t ticks);

/* Nanoseconds that this thread has been on a CPU. */
int64_t clock_thread(void);

/* Whether a date, in seconds, is now or in the past. */
bool clock_past(int64_t seconds);

/* The later of a moment and a date, as a moment. A date in the future is
 * ignored. */
int64_t clock_later(int64_t moment, int64_t seconds);

/* Writes a date as RFC 3339 5.6 text in UTC, NUL-terminated; clamps it to
 * CLOCK_MIN and CLOCK_MAX. */
void clock_text(int64_t seconds, char out[CLOCK_TEXT]);

#endif
