/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as RFC 8259 has it. */
#include "store/base/json.h"
#include "tests/unit/unit.h"

static void text_is(const char *text, size_t len, const char *json)
{
	CLEANUP_BYTES struct bytes out = {0};

	assert_int_equal(json_text(&out, text, len), 0);
	assert_int_equal(bytes_add(&out, "", 1), 0);
	assert_string_equal((char *)out.data, json);
}

static void strings(void **state)
{
	(void)state;
	text_is("", 0, "\"\"");
	text_is("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	text_is("\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"");
	text_is("\0\1\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
	text_is("\xc3\xa9", 2, "\"\xc3\xa9\"");
}

static void strings_in_html(void **state)
{
	static const char text[] = "</script>\"<!--\\>";
	CLEANUP_BYTES struct bytes out = {0};

	(void)state;
	assert_int_equal(json_html_text(&out, text, sizeof(text) - 1), 0);
	assert_int_equal(bytes_add(&out, "", 1), 0);
	assert_string_equal(
	    (char *)out.data, "\"\\u003c/script>\\\"\\u003c!--\\\\>\"");
	text_is("<", 1, "\"<\"");
}

static void hex(void **state)
{
	CLEANUP_BYTES struct bytes out = {0};

	(void)state;
	assert_int_equal(json_hex(&out, "\x01\xab\xff", 3), 0);
	assert_int_equal(json_hex(&out, NULL, 0), 0);
	assert_int_equal(out.len, 10);
	assert_memory_equal(out.data, "\"01ABFF\"\"\"", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings),
	    cmocka_unit_test(strings_in_html),
	    cmocka_unit_test(hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
