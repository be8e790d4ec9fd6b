/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/base/parse.h"
#include "store/store.h"

int value_number(const char *text, int64_t *out)
{
	const char *end;
	int rc = parse_digits(text, out, &end);

	return rc != -EINVAL && *end ? -EINVAL : rc;
}

int value_limit(const char *text, int64_t *out, bool *relative)
{
	*relative = *text == '+' || *text == '-';
	if (strcmp(text, "max") == 0) {
		*out = STORE_UNLIMITED;
		return 0;
	}
	int rc = value_number(text + *relative, out);
	if (!rc && *text == '-')
		*out = -*out;
	return rc;
}

int value_boolean(const char *text, bool *out)
{
	static const char *const word[] = {"0", "1", "no", "yes", "off", "on",
	    "false", "true", "n", "y", "f", "t"};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (strcasecmp(text, word[i]) == 0) {
			*out = i % 2;
			return 0;
		}
	return -EINVAL;
}

/* Consumes a number with this many digits. */
static bool take_number(const char **text, int digits, int *out)
{
	for (*out = 0; digits; digits--, ++*text) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

/* Consumes one of these bytes. */
static bool take_byte(const char **text, const char *bytes)
{
	if (!**text || !strchr(bytes, **text))
		return false;
	++*text;
	return true;
}

/* full-date of RFC 3339 5.6. */
static bool take_date(const char **text, struct tm *tm)
{
	if (!take_number(text, 4, &tm->tm_year) || !take_byte(text, "-") ||
	    !take_number(text, 2, &tm->tm_mon) || !take_byte(text, "-") ||
	    !take_number(text, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	/* timegm(3) normalizes a day that does not exist, as 31 February */
	struct tm real = *tm;
	timegm(&real);
	return real.tm_mon == tm->tm_mon && real.tm_mday == tm->tm_mday;
}

/* partial-time; the fraction is discarded. */
static bool take_clock(const char **text, struct tm *tm)
{
	int digit;

	if (!take_number(text, 2, &tm->tm_hour) || !take_byte(text, ":") ||
	    !take_number(text, 2, &tm->tm_min) || !take_byte(text, ":") ||
	    !take_number(text, 2, &tm->tm_sec))
		return false;
	if (take_byte(text, ".") && !take_number(text, 1, &digit))
		return false;
	while (take_number(text, 1, &digit))
		;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* time-offset, in seconds east of UTC. -00:00 means UTC (RFC 3339 4.3). */
static bool take_offset(const char **text, int *seconds)
{
	int sign = **text == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (take_byte(text, "Zz"))
		return true;
	if (!take_byte(text, "+-") || !take_number(text, 2, &hours) ||
	    !take_byte(text, ":") || !take_number(text, 2, &minutes))
		return false;
	*seconds = sign * (hours * 60 + minutes) * 60;
	return hours < 24 && minutes < 60;
}

/* A leap second ends a month in UTC (RFC 3339 5.7). timegm(3) counts it as the
 * first second of the next. */
static bool begins_month(time_t at)
{
	struct tm tm;

	gmtime_r(&at, &tm);
	return tm.tm_mday == 1 && !tm.tm_hour && !tm.tm_min && !tm.tm_sec;
}

static int date(const char *text, int64_t *out)
{
	struct tm tm = {0};
	int east = 0;

	if (!take_date(&text, &tm))
		return -EINVAL;
	if (!*text) {
		tm.tm_hour = 23;
		tm.tm_min = tm.tm_sec = 59;
	} else if (!take_byte(&text, "Tt ") || !take_clock(&text, &tm) ||
		   !take_offset(&text, &east) || *text) {
		return -EINVAL;
	}
	bool leap = tm.tm_sec == 60;
	*out = timegm(&tm) - east;
	if (leap && !begins_month(*out))
		return -EINVAL;
	return *out < 0 || *out > CLOCK_MAX ? -ERANGE : 0;
}

static int from_now(const char *text, int64_t now, int64_t *out)
{
	int64_t n;
	int rc = parse_duration(text, &n);

	if (rc)
		return rc;
	return __builtin_add_overflow(now, n, out) || *out > CLOCK_MAX ? -ERANGE
								       : 0;
}

int value_duration(const char *text, int64_t *out)
{
	if (strcmp(text, "never") == 0) {
		*out = 0;
		return 0;
	}
	int rc = from_now(text, 0, out);
	return !rc && !*out ? -ERANGE : rc;
}

int value_time(const char *text, int64_t now, int64_t *out)
{
	if (strcmp(text, "never") == 0) {
		*out = STORE_NEVER;
		return 0;
	}
	if (*text == '+')
		return from_now(text + 1, now, out);
	if (strchr(text, '-'))
		return date(text, out);
	int rc = value_number(text, out);
	if (rc == -EINVAL)
		return from_now(text, now, out);
	if (rc || *out > CLOCK_MAX)
		return -ERANGE;
	return *out < VALUE_SECONDS_MIN ? -EDOM : 0;
}

/* The length of the UTF-8 character here; 0: malformed, or a control character
 * (RFC 3629 4). */
static size_t utf8_length(const unsigned char *p)
{
	static const struct {
		unsigned char first, last, second_first, second_last;
		size_t len;
	} form[] = {
	    {0x20, 0x7e, 0, 0, 1},
	    {0xc2, 0xc2, 0xa0, 0xbf,
		2}, /* not U+0080 to U+009F: control characters */
	    {0xc3, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		if (p[0] < form[i].first || p[0] > form[i].last)
			continue;
		if (form[i].len > 1 &&
		    (p[1] < form[i].second_first || p[1] > form[i].second_last))
			return 0;
		for (size_t k = 2; k < form[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return form[i].len;
	}
	return 0;
}

int value_line(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t n = *p == '\t' ? 1 : utf8_length(p);
		if (!n)
			return -EINVAL;
		p += n;
	}
	return 0;
}

int value_add_number(struct bytes *out, int64_t number)
{
	return bytes_printf(out, "%" PRId64, number);
}

int value_add_limit(struct bytes *out, int64_t number)
{
	return number == STORE_UNLIMITED ? value_add_text(out, "max")
					 : value_add_number(out, number);
}

int value_add_duration(struct bytes *out, int64_t seconds)
{
	char text[CLOCK_TEXT];

	clock_duration(seconds, text);
	return value_add_text(out, seconds ? text : "never");
}

int value_add_date(struct bytes *out, int64_t seconds)
{
	char text[CLOCK_TEXT];

	clock_text(seconds, text);
	return value_add_text(out, text);
}

int value_add_time(struct bytes *out, int64_t seconds)
{
	return seconds == STORE_NEVER ? value_add_text(out, "never")
				      : value_add_date(out, seconds);
}

int value_add_moment(struct bytes *out, int64_t nanoseconds)
{
	return value_add_time(out, nanoseconds == STORE_NEVER
				       ? STORE_NEVER
				       : nanoseconds / CLOCK_SECOND);
}

int value_add_text(struct bytes *out, const char *text)
{
	return bytes_add(out, text, strlen(text));
}
