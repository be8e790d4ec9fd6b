/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PARSE_H
#define STORE_BASE_PARSE_H

/* Parsing of numbers and durations. Pure functions. */
#include <stdint.h>

/* Parses decimal digits; *end is the first other byte. Returns 0, -EINVAL
 * (there is none) or -ERANGE (above INT64_MAX; *end is set). */
int parse_digits(const char *text, int64_t *out, const char **end);

/* Parses digits and one of s, m, h, d, w, and nothing else, into seconds.
 * Returns 0, -EINVAL or -ERANGE. */
int parse_duration(const char *text, int64_t *seconds);

#endif
