/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_VALUE_H
#define FS_VALUE_H

/*
 * Values as people write and read them. Pure. Parsers take the text without its final newline and
 * answer 0, -EINVAL (not of this form) or -ERANGE (too large).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"

/* Decimal digits. */
int value_number(const char *text, int64_t *out);

/* A number, `max` (*out is then STORE_UNLIMITED), or +N and -N, which set *relative. */
int value_limit(const char *text, int64_t *out, bool *relative);

/* 0 1 no yes off on false true. */
int value_boolean(const char *text, bool *out);

/*
 * `never` (STORE_NEVER), RFC 3339 5.6 in UTC (2026-11-22T10:15:00Z), seconds since the epoch, or +N
 * with s, m, h, d or w, counted from now. Seconds.
 */
int value_time(const char *text, int64_t now, int64_t *out);

/* One line of UTF-8 (RFC 3629) without control characters. */
int value_line(const char *text);

/* Append a value without a newline. */
int value_add_number(struct bytes *out, int64_t number);
int value_add_limit(struct bytes *out, int64_t number);
int value_add_time(struct bytes *out, int64_t seconds); /* STORE_NEVER: never */
int value_add_moment(struct bytes *out, int64_t nanoseconds);
int value_add_text(struct bytes *out, const char *text);

#endif
