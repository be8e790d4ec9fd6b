/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the audit trail and records of the exported one: composed, and read
 * again. */
#include <errno.h>
#include <string.h>

#include "store/backup/line.h"
#include "store/backup/record.h"
#include "tests/unit/unit.h"

enum { TIME = 1790000000 };

/* Composes, parses and composes again. */
static void comes_back(struct line *line)
{
	CLEANUP_BYTES struct bytes first = {0}, second = {0};
	struct line again = {.time = line->time};

	assert_int_equal(line_compose(line, &first), 0);
	assert_int_equal(bytes_add(&first, "", 1), 0);
	assert_int_equal(line_parse((char *)first.data, &again), 0);
	assert_int_equal(line_compose(&again, &second), 0);
	assert_int_equal(second.len, first.len - 1);
	assert_memory_equal(first.data, second.data, second.len);
	line_free(&again);
	line_free(line);
}

static struct line simple(const char *comm)
{
	struct line line = {
	    .seq = 7, .time = TIME, .uid = 1, .gid = 2, .pid = 3};

	assert_int_equal(line_set(&line, LINE_COMM, comm), 0);
	assert_int_equal(line_set(&line, LINE_ACTION, "set"), 0);
	assert_int_equal(line_set(&line, LINE_OBJECT, "certs/a"), 0);
	return line;
}

static void whatever_a_caller_sends(void **state)
{
	static const char *const texts[] = {"", "\"", "\\", "\\\"", "a\\\\\"",
	    "\",\"result\":\"ok\"", "\n\t\x01\x7f", "\xff\xfe", "}{",
	    ",\"prev\":\""};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct line line = simple(texts[i]);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_more(&line, "value", texts[i]), 0);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_more(&line, "value", texts[i]), 0);
		assert_int_equal(line_set_key(&line, INT64_MAX), 0);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_more(&line, "value", texts[i]), 0);
		assert_int_equal(line_set_key(&line, 5), 0);
		assert_int_equal(line_set_login(&line, 1000, 7), 0);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_login(&line, 0, 7), 0);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_login(&line, 1000, -1), 0);
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set_login(&line, -1, -1), 0);
		assert_null(line_part(&line, LINE_MORE));
		comes_back(&line);
		line = simple("x");
		assert_int_equal(line_set(&line, LINE_RESULT, "EPERM"), 0);
		assert_int_equal(line_set(&line, LINE_REASON, texts[i]), 0);
		comes_back(&line);
	}
}

/* Stores have the numbers of frequent texts. */
static void a_line_is_packed(void **state)
{
	struct line line = simple("enrollfs"), packed;

	(void)state;
	assert_int_equal(
	    line_set_more(&line, "provisioning_key", "service_edge/\n"), 0);
	assert_int_equal(line_set_key(&line, 12), 0);
	assert_int_equal(line_pack(&line, &packed), 0);
	assert_string_equal(line_part(&packed, LINE_COMM), "\6fs");
	assert_string_equal(line_part(&packed, LINE_ACTION), "set");
	assert_string_equal(line_part(&packed, LINE_MORE), "\4\2\\u000a\5"
							   "12");
	assert_null(line_part(&packed, LINE_RESULT));
	line_free(&packed);
	line_free(&line);
	line = simple("");
	assert_int_equal(
	    line_set(&line, LINE_REASON, "app_connector/berlin/members/x"), 0);
	assert_int_equal(line_pack(&line, &packed), 0);
	assert_string_equal(line_part(&packed, LINE_REASON), "\1berlin\3x");
	line_free(&packed);
	line_free(&line);
}

static void is_none(const char *text)
{
	struct line line = {.time = TIME};

	assert_int_equal(line_parse(text, &line), -EINVAL);
	line_free(&line);
}

static void what_is_no_line(void **state)
{
	CLEANUP_BYTES struct bytes text = {0};
	struct line line = simple("x");

	(void)state;
	is_none("");
	is_none("{}");
	is_none("{\"seq\":7");
	/* a control character in a part would be taken for a frequent text */
	assert_int_equal(bytes_add(&line.part[LINE_REASON], "\1", 2), 0);
	assert_int_equal(line_compose(&line, &text), 0);
	assert_int_equal(bytes_add(&text, "", 1), 0);
	is_none((char *)text.data);
	line_free(&line);
	bytes_free(&text);
	text = (struct bytes){0};
	line = simple("x");
	assert_int_equal(line_compose(&line, &text), 0);
	assert_int_equal(bytes_add(&text, "", 1), 0);
	for (size_t i = 0; i < text.len - 1; i++) {
		unsigned char was = text.data[i];
		text.data[i] = '\0';
		is_none((char *)text.data);
		text.data[i] = was;
	}
	assert_int_equal(bytes_add(&text, "", 1), 0);
	text.data[text.len - 2] = 'x';
	is_none((char *)text.data);
	line_free(&line);
}

/* The time in a line is that of its record, or the line is kept as a whole. */
static void of_another_time(void **state)
{
	CLEANUP_BYTES struct bytes text = {0};
	struct line line = simple("x"), again = {.time = TIME + 1};

	(void)state;
	assert_int_equal(line_compose(&line, &text), 0);
	assert_int_equal(bytes_add(&text, "", 1), 0);
	assert_int_equal(line_parse((char *)text.data, &again), -EINVAL);
	line_free(&again);
	line_free(&line);
}

static int split(const char *text, int64_t *at)
{
	struct record_parts parts = {0};
	int rc = record_split(text, strlen(text), &parts);

	*at = parts.at;
	record_parts_free(&parts);
	return rc;
}

static void a_record_of_any_time(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} good[] = {
	    {"\"seq\":1,\"at\":0,\"log\":{}", 0},
	    {"\"seq\":1,\"at\":1790000000,\"log\":{}", TIME},
	    {"\"seq\":1,\"at\":-1,\"log\":{}", -1},
	    {"\"seq\":1,\"at\":-94608000,\"log\":{}", -94608000},
	    {"\"seq\":1,\"at\":9223372036854775807", INT64_MAX},
	    {"\"seq\":1,\"at\":-9223372036854775808", INT64_MIN},
	};
	static const char *const bad[] = {"", "\"at\":1",
	    ",\"at\":", ",\"at\":-", ",\"at\":--1", ",\"at\":x", ",\"at\":1x",
	    ",\"at\":9223372036854775808", ",\"at\":-9223372036854775809",
	    ",\"at\":99999999999999999999"};
	int64_t at;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(split(good[i].text, &at), 0);
		assert_int_equal(at, good[i].at);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(split(bad[i], &at), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_a_caller_sends),
	    cmocka_unit_test(a_line_is_packed),
	    cmocka_unit_test(what_is_no_line),
	    cmocka_unit_test(of_another_time),
	    cmocka_unit_test(a_record_of_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
