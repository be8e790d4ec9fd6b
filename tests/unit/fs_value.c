/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/ino.h"
#include "fs/tree.h"
#include "fs/value.h"
#include "store/base/clock.h"
#include "tests/unit/unit.h"

static void numbers(void **state)
{
	(void)state;
	int64_t n;

	assert_int_equal(value_number("0", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(value_number("007", &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(value_number("9223372036854775807", &n), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(value_number("9223372036854775808", &n), -ERANGE);
	assert_int_equal(
	    value_number("99999999999999999999999999999999999999", &n), -ERANGE);
	static const char *const bad[] = {"", " ", "-1", "+1", "1 ", " 1", "1a",
	    "0x1", "1.0", "max", "99999999999999999999999999999a"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_number(bad[i], &n), -EINVAL);
}

static void limits(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t number;
		bool relative;
	} good[] = {{"5", 5, false}, {"max", STORE_UNLIMITED, false},
	    {"+5", 5, true}, {"-5", -5, true}, {"+0", 0, true},
	    {"-9223372036854775807", -INT64_MAX, true}};
	int64_t n;
	bool relative;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(value_limit(good[i].text, &n, &relative), 0);
		assert_true(n == good[i].number);
		assert_int_equal(relative, good[i].relative);
	}
	static const char *const bad[] = {"", "+", "-", "++1", "+-1", "--1",
	    "Max", "max ", "+max", "unlimited"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_limit(bad[i], &n, &relative), -EINVAL);
	assert_int_equal(
	    value_limit("-9223372036854775808", &n, &relative), -ERANGE);
}

static void booleans(void **state)
{
	(void)state;
	static const char *const yes[] = {"1", "yes", "on", "true", "y", "t",
	    "Yes", "ON", "True", "tRUE", "Y", "T"};
	static const char *const no[] = {"0", "no", "off", "false", "n", "f",
	    "No", "OFF", "False", "fALSE", "N", "F"};
	static const char *const bad[] = {"", "2", "yes ", " yes", "ye", "tr",
	    "10", "01", "o", "enabled", "-1", "none", "null"};
	bool b;

	for (size_t i = 0; i < COUNT(yes); i++) {
		assert_int_equal(value_boolean(yes[i], &b), 0);
		assert_true(b);
		assert_int_equal(value_boolean(no[i], &b), 0);
		assert_false(b);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_boolean(bad[i], &b), -EINVAL);
}

static const int64_t noon = 1795000000;

static void times(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t at;
	} good[] = {{"never", STORE_NEVER}, {"1000000000", 1000000000},
	    {"1900000000", 1900000000}, {"001900000000", 1900000000},
	    {"253402300799", CLOCK_MAX}, {"2026-11-22T10:15:00Z", 1795342500},
	    {"1970-01-01T00:00:00Z", 0}, {"2024-02-29T23:59:59Z", 1709251199},
	    {"9999-12-31T23:59:59Z", CLOCK_MAX},
	    /* in other time zones, and as RFC 3339 5.6 lets it be
	     * written */
	    {"2026-11-22t10:15:00z", 1795342500},
	    {"2026-11-22 10:15:00Z", 1795342500},
	    {"2026-11-22T10:15:00+00:00", 1795342500},
	    {"2026-11-22T10:15:00-00:00", 1795342500},
	    {"2026-11-22T12:15:00+02:00", 1795342500},
	    {"2026-11-21T22:30:00-11:45", 1795342500},
	    {"2026-11-23T10:14:00+23:59", 1795342500},
	    {"1970-01-01T01:00:00+01:00", 0},
	    {"9999-12-31T23:59:59+00:01", CLOCK_MAX - 60},
	    {"2026-11-22T10:15:00.5Z", 1795342500},
	    {"2026-11-22T10:15:00.999999999+00:00", 1795342500},
	    /* leap seconds (RFC 3339 5.7, 5.8) */
	    {"1990-12-31T23:59:60Z", 662688000},
	    {"1990-12-31T15:59:60-08:00", 662688000},
	    /* the last second of a day */
	    {"2026-12-31", 1798761599}, {"2024-02-29", 1709251199},
	    {"2000-02-29", 951868799}, {"1970-01-01", 86399},
	    {"9999-12-31", CLOCK_MAX}, {"+90s", noon + 90}, {"+5m", noon + 300},
	    {"+2h", noon + 7200}, {"+30d", noon + 2592000},
	    {"+1w", noon + 604800}, {"+0s", noon}, {"30d", noon + 2592000},
	    {"1w", noon + 604800}, {"0s", noon}};
	int64_t at;

	for (size_t i = 0; i < COUNT(good); i++)
		if (value_time(good[i].text, noon, &at) || at != good[i].at)
			fail_msg("%s", good[i].text);
}

static void what_is_no_time(void **state)
{
	(void)state;
	static const char *const bad[] = {"", " ", "Never", "tomorrow", "+5",
	    "+h", "h", "+5y", "5y", "5D", "+5dd", "5dd", "+-5d", "-5", "-5d",
	    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00",
	    "2026-02-29", "2026-1-1", "2026-1-1T0:0:0Z", "2026-11-22T10:15:00",
	    "2026-11-22 10:15:00", "2026-11-22T10:15Z",
	    "2026-11-22T10:15:00+1:00", "2026-11-22T10:15:00+0100",
	    "2026-11-22T10:15:00+01", "2026-11-22T10:15:00+24:00",
	    "2026-11-22T10:15:00+01:60", "2026-11-22T10:15:00 +01:00",
	    "2026-11-22T10:15:00.Z", "2026-11-22T10:15:00,5Z",
	    "2026-11-22T10:15:00ZZ", "2026-11-22T24:00:00Z",
	    "2026-11-22T10:60:00Z", "2026-11-22T10:15:60Z",
	    "2026-11-22T23:59:60Z", "1990-12-31T23:59:60+01:00",
	    "2026-11-22T10:15:61Z", "2026-11-22T10:15:00Zx", "2026-11-22T",
	    "2026-11-22Z", "2026-11-22+01:00", "10000-01-01",
	    "10000-01-01T00:00:00Z", "26-11-22", "2026/11/22", "-2026-11-22",
	    " 2026-11-22", "2026-11-22 ", "1e10"};
	int64_t at;

	for (size_t i = 0; i < COUNT(bad); i++)
		if (value_time(bad[i], noon, &at) != -EINVAL)
			fail_msg("%s", bad[i]);
	static const char *const large[] = {"253402300800",
	    "99999999999999999999", "1795342500000", "+9999999999999s",
	    "9999999999999s", "+99999999999999999999w", "+9223372036854775807w",
	    "1969-12-31T23:59:59Z", "0000-01-01", "1969-12-31",
	    "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
	    "9999-12-31T23:59:60Z"};
	for (size_t i = 0; i < COUNT(large); i++)
		if (value_time(large[i], noon, &at) != -ERANGE)
			fail_msg("%s", large[i]);
	/* a number of days, a year, a date without its dashes */
	static const char *const small[] = {
	    "0", "1", "30", "2026", "20261231", "999999999", "0000000000030"};
	for (size_t i = 0; i < COUNT(small); i++)
		if (value_time(small[i], noon, &at) != -EDOM)
			fail_msg("%s", small[i]);
}

static void lines(void **state)
{
	(void)state;
	static const char *const good[] = {"", "text", "a\tb", "Zürich",
	    "\xe2\x82\xac", "\xf0\x9f\x94\x91", "\xed\x9f\xbf", "\xef\xbf\xbd"};
	static const char *const bad[] = {"\n", "\x01", "\x7f", "\x80",
	    "\xc0\x80", "\xc2\x85", "\xe0\x80\x80", "\xed\xa0\x80",
	    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82",
	    "\xf0\x9f\x94", "\xff"};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(value_line(good[i]), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_line(bad[i]), -EINVAL);
}

static void texts_read_back_as_written(void **state)
{
	(void)state;
	static const int64_t values[] = {
	    0, 1, 1795342500, CLOCK_MAX, STORE_NEVER};

	for (size_t i = 0; i < COUNT(values); i++) {
		CLEANUP_BYTES struct bytes text = {0};
		int64_t back;
		assert_int_equal(value_add_time(&text, values[i]), 0);
		assert_int_equal(bytes_add(&text, "", 1), 0);
		assert_int_equal(value_time((char *)text.data, 1, &back), 0);
		assert_true(back == values[i]);
	}
}

static void inode_numbers(void **state)
{
	(void)state;
	static const int64_t ids[] = {
	    1, 2, 0xffffffff, 0x100000000, 0xffffffffffff};

	assert_true(ino_make(KIND_ROOT, 0, STORE_ROOT) == INO_ROOT);
	for (unsigned int kind = 0; kind < KINDS; kind++)
		for (unsigned int attr = 0; attr < 64; attr++)
			for (size_t i = 0; i < COUNT(ids); i++) {
				uint64_t ino = ino_make(kind, attr, ids[i]);
				assert_int_equal(ino_kind(ino), kind);
				assert_int_equal(ino_attr(ino), attr);
				assert_true(ino_id(ino) == ids[i]);
			}
}

static void conversation_numbers(void **state)
{
	(void)state;
	uint64_t ino = ino_make(KIND_KEY, 20, 0xfffffffe);

	for (unsigned int counter = 0; counter < 65536; counter++) {
		uint64_t fresh = ino_conversation(ino, (uint16_t)counter);
		assert_int_equal(ino_kind(fresh), KIND_KEY);
		assert_int_equal(ino_attr(fresh), 20);
		assert_true(ino_without_counter(fresh) == ino);
		assert_true(counter == 0 || fresh != ino);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(booleans),
	    cmocka_unit_test(times),
	    cmocka_unit_test(what_is_no_time),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(texts_read_back_as_written),
	    cmocka_unit_test(inode_numbers),
	    cmocka_unit_test(conversation_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
