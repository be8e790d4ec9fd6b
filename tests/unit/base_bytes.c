/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/base/bytes.h"
#include "tests/unit/unit.h"

static void numbers(void **state)
{
	(void)state;
	static const int64_t values[] = {0, 1, -1, 9, 10, -10, 1795000000,
	    INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1};

	for (size_t i = 0; i < COUNT(values); i++) {
		CLEANUP_BYTES struct bytes out = {0};
		char want[32];
		int n = snprintf(want, sizeof(want), "%" PRId64, values[i]);
		assert_int_equal(bytes_number(&out, values[i]), 0);
		assert_int_equal(out.len, n);
		assert_memory_equal(out.data, want, out.len);
	}
}

/* Text that just fits, and that just does not, behind any content. */
static void formatted_text(void **state)
{
	(void)state;
	char text[900];

	memset(text, 'x', sizeof(text));
	for (int before = 0; before <= 300; before += 50)
		for (int n = 0; n < 600; n++) {
			CLEANUP_BYTES struct bytes out = {0};
			assert_int_equal(
			    bytes_add(&out, text, (size_t)before), 0);
			assert_int_equal(
			    bytes_printf(&out, "%.*s|%d", n, text, 7), 0);
			assert_int_equal(out.len, before + n + 2);
			assert_memory_equal(
			    out.data, text, (size_t)(before + n));
			assert_memory_equal(out.data + before + n, "|7", 2);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(formatted_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
