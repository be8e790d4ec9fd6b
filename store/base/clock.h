/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_CLOCK_H
#define STORE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Moments at which something happened are nanoseconds since the epoch; dates
 * that people set and certificates carry (expires, not_before, not_after) are
 * whole seconds. */
#define CLOCK_SECOND INT64_C(1000000000)

/* The largest date taken anywhere: 9999-12-31T23:59:59Z, the end of
 * GeneralizedTime (RFC 5280 4.1.2.5) and of RFC 3339. */
#define CLOCK_MAX INT64_C(253402300799)

/* The smallest that a certificate can carry: 0000-01-01T00:00:00Z. */
#define CLOCK_MIN INT64_C(-62167219200)

enum { CLOCK_TEXT = sizeof("2026-11-22T10:15:00Z") };

/* Now, in nanoseconds. */
int64_t clock_now(void);

/* Nanoseconds since some moment, for how long something takes or is waited for:
 * whoever sets the clock does not change them. */
int64_t clock_ticks(void);

/* Whether a date in seconds has come. */
bool clock_past(int64_t seconds);

/* The later of a moment and a date, as a moment; a date that is still to come
 * does not count. */
int64_t clock_later(int64_t moment, int64_t seconds);

/* RFC 3339 5.6 in UTC, NUL-terminated; seconds from CLOCK_MIN to CLOCK_MAX. */
void clock_text(int64_t seconds, char out[CLOCK_TEXT]);

#endif
