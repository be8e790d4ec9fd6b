/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

int parse_digits(const char *text, int64_t *out, const char **end)
{
	int64_t n = 0;
	bool large = false;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		large = large || __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, *text - '0', &n);
	*end = text;
	*out = n;
	return large ? -ERANGE : 0;
}

int parse_duration(const char *text, int64_t *seconds)
{
	static const struct {
		char letter;
		int64_t seconds;
	} unit[] = {
	    {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const char *end;
	int64_t n;
	int rc = parse_digits(text, &n, &end);

	if (rc == -EINVAL || !end[0] || end[1])
		return -EINVAL;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		if (unit[i].letter != *end)
			continue;
		if (rc || __builtin_mul_overflow(n, unit[i].seconds, seconds))
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}
