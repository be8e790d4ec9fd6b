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
	assert_int_equal(value_number("99999999999999999999999999999999999999", &n), -ERANGE);
	static const char *const bad[] = {"", " ", "-1", "+1", "1 ", " 1", "1a", "0x1", "1.0",
		"max", "99999999999999999999999999999a"};
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
	} good[] = {{"5", 5, false}, {"max", STORE_UNLIMITED, false}, {"+5", 5, true},
		{"-5", -5, true}, {"+0", 0, true}, {"-9223372036854775807", -INT64_MAX, true}};
	int64_t n;
	bool relative;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(value_limit(good[i].text, &n, &relative), 0);
		assert_true(n == good[i].number);
		assert_int_equal(relative, good[i].relative);
	}
	static const char *const bad[] = {
		"", "+", "-", "++1", "+-1", "--1", "Max", "max ", "+max", "unlimited"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_limit(bad[i], &n, &relative), -EINVAL);
	assert_int_equal(value_limit("-9223372036854775808", &n, &relative), -ERANGE);
}

static void booleans(void **state)
{
	(void)state;
	static const char *const yes[] = {"1", "yes", "on", "true"}, *const no[] = {"0", "no",
									     "off", "false"};
	static const char *const bad[] = {"", "2", "Yes", "ON", "yes ", "y", "10"};
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

static void times(void **state)
{
	(void)state;
	static const int64_t now = 1795000000;
	static const struct {
		const char *text;
		int64_t at;
	} good[] = {{"never", STORE_NEVER}, {"0", 0}, {"1900000000", 1900000000},
		{"2026-11-22T10:15:00Z", 1795342500}, {"1970-01-01T00:00:00Z", 0},
		{"2024-02-29T23:59:59Z", 1709251199}, {"9999-12-31T23:59:59Z", CLOCK_MAX},
		{"+90s", now + 90}, {"+5m", now + 300}, {"+2h", now + 7200},
		{"+30d", now + 2592000}, {"+1w", now + 604800}, {"+0s", now}};
	int64_t at;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(value_time(good[i].text, now, &at), 0);
		assert_true(at == good[i].at);
	}
	static const char *const bad[] = {"", "Never", "tomorrow", "+5", "+h", "+5y", "5d", "+5dd",
		"+-5d", "-5", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-1-1T0:0:0Z",
		"2026-11-22 10:15:00Z", "2026-11-22T10:15:00", "2026-11-22T10:15:00+01:00",
		"2026-11-22T10:15:00.5Z", "2026-11-22T24:00:00Z", "2026-11-22T10:15:60Z",
		"2026-11-22T10:15:00Zx", "2026-11-22"};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (value_time(bad[i], now, &at) != -EINVAL)
			fail_msg("%s", bad[i]);
	static const char *const large[] = {"253402300800", "99999999999999999999",
		"+9999999999999s", "+99999999999999999999w", "+9223372036854775807w",
		"1969-12-31T23:59:59Z"};
	for (size_t i = 0; i < COUNT(large); i++)
		if (value_time(large[i], now, &at) != -ERANGE)
			fail_msg("%s", large[i]);
}

static void lines(void **state)
{
	(void)state;
	static const char *const good[] = {"", "text", "a\tb", "Zürich", "\xe2\x82\xac",
		"\xf0\x9f\x94\x91", "\xed\x9f\xbf", "\xef\xbf\xbd"};
	static const char *const bad[] = {"\n", "\x01", "\x7f", "\x80", "\xc0\x80", "\xc2\x85",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
		"\xe2\x82", "\xf0\x9f\x94", "\xff"};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(value_line(good[i]), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_line(bad[i]), -EINVAL);
}

static void texts_read_back_as_written(void **state)
{
	(void)state;
	static const int64_t values[] = {0, 1, 1795342500, CLOCK_MAX, STORE_NEVER};

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
	static const int64_t ids[] = {1, 2, 0xffffffff, 0x100000000, 0xffffffffffff};

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
		cmocka_unit_test(lines),
		cmocka_unit_test(texts_read_back_as_written),
		cmocka_unit_test(inode_numbers),
		cmocka_unit_test(conversation_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
