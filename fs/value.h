/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_VALUE_H
#define FS_VALUE_H

/*
 * Parsing and formatting of values. Pure functions. Parsers take the text
 * without its final newline and return 0, or -EINVAL (malformed), -ERANGE (too
 * large).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"

/* Decimal digits. */
int value_number(const char *text, int64_t *out);

/* A number; `max`, which is STORE_UNLIMITED; or +N and -N, which set *relative.
 * */
int value_limit(const char *text, int64_t *out, bool *relative);

/* 0 1 no yes off on false true n y f t, in any case. */
int value_boolean(const char *text, bool *out);

/* 2001-09-09T01:46:40Z, from which seconds since the epoch have ten digits. */
#define VALUE_SECONDS_MIN INT64_C(1000000000)

/* `never` (0), or N with s, m, h, d or w, in seconds. Returns 0, -EINVAL or
 * -ERANGE (0, or too large). */
int value_duration(const char *text, int64_t *out);

/*
 * `never` (STORE_NEVER); a date-time of RFC 3339 5.6 (2026-11-22T10:15:00Z),
 * whose fraction is discarded; a date, which means its last second in UTC;
 * seconds since the epoch; or N or +N with s, m, h, d or w, from now. *out is
 * in seconds. Returns 0, or -EINVAL, -EDOM (seconds below VALUE_SECONDS_MIN: 30
 * rather means days than 1970), -ERANGE (before 1970 or after CLOCK_MAX).
 */
int value_time(const char *text, int64_t now, int64_t *out);

/* One line of UTF-8 (RFC 3629) without control characters. */
int value_line(const char *text);

/* Append a value, without a newline. */
int value_add_number(struct bytes *out, int64_t number);
int value_add_limit(struct bytes *out, int64_t number);
int value_add_time(struct bytes *out, int64_t seconds); /* STORE_NEVER: never */
int value_add_duration(
    struct bytes *out, int64_t seconds);		/* as 30d, or never */
int value_add_date(struct bytes *out, int64_t seconds); /* may be before 1970 */
int value_add_moment(struct bytes *out, int64_t nanoseconds);
int value_add_text(struct bytes *out, const char *text);

#endif
