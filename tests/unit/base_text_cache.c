/* SPDX-License-Identifier: Apache-2.0 */
/* A cache of a text that only grows. */
#include "store/base/text_cache.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Longer than all places of the cache together. */
enum { LONG = TEXT_PART * (TEXT_PARTS + 3) + 77 };

struct text {
	int64_t length;
	int renders;
	int fails; /* the next so many renderings */
};

static unsigned char byte_at(int64_t offset)
{
	return (unsigned char)(offset * 31 + offset / 4096);
}

static int render(int64_t offset, size_t size, struct bytes *out, void *arg)
{
	struct text *text = arg;

	__atomic_add_fetch(&text->renders, 1, __ATOMIC_RELAXED);
	if (text->fails) {
		text->fails--;
		return -EIO;
	}
	if (offset >= text->length)
		return 0;
	if ((int64_t)size > text->length - offset)
		size = (size_t)(text->length - offset);
	int rc = bytes_extend(out, size);
	for (size_t i = 0; i < size && !rc; i++)
		out->data[out->len - size + i] = byte_at(offset + (int64_t)i);
	return rc;
}

static size_t read_at(
    struct text_cache *cache, struct text *text, int64_t offset, size_t size)
{
	CLEANUP_BYTES struct bytes out = {0};

	assert_int_equal(
	    text_cache_read(cache, offset, size, render, text, &out), 0);
	for (size_t i = 0; i < out.len; i++)
		assert_int_equal(out.data[i], byte_at(offset + (int64_t)i));
	return out.len;
}

static struct text_cache cache;

static int set_up(void **state)
{
	(void)state;
	text_cache_init(&cache);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	text_cache_destroy(&cache);
	return 0;
}

static void each_part_is_rendered_once(void **state)
{
	struct text text = {.length = 10 * TEXT_PART};

	(void)state;
	for (int round = 0; round < 3; round++)
		for (int64_t at = 0; at < text.length; at += 1024)
			assert_int_equal(read_at(&cache, &text, at, 1024), 1024);
	assert_int_equal(text.renders, 10);
	/* over the boundaries of several parts */
	assert_int_equal(
	    read_at(&cache, &text, 5, 4 * TEXT_PART), 4 * TEXT_PART);
	assert_int_equal(text.renders, 10);
}

static void the_end_moves(void **state)
{
	struct text text = {0};

	(void)state;
	assert_int_equal(read_at(&cache, &text, 0, 100), 0);
	for (int64_t length = 1; length < 3 * TEXT_PART; length += 777) {
		text.length = length;
		assert_int_equal(
		    read_at(&cache, &text, 0, 4 * TEXT_PART), length);
		assert_int_equal(read_at(&cache, &text, length, 100), 0);
		assert_int_equal(read_at(&cache, &text, length + 5, 100), 0);
	}
}

static void a_text_longer_than_the_cache(void **state)
{
	struct text text = {.length = LONG};

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int64_t at = 0; at < LONG; at += TEXT_PART / 2)
			assert_int_equal(
			    read_at(&cache, &text, at, TEXT_PART / 2),
			    at + TEXT_PART / 2 < LONG ? TEXT_PART / 2
						      : LONG - at);
	assert_int_equal(read_at(&cache, &text, 0, 10), 10);
	assert_int_equal(read_at(&cache, &text, LONG - 10, 100), 10);
}

static void a_failure_is_answered_and_leaves_nothing(void **state)
{
	struct text text = {.length = 1000, .fails = 1};
	CLEANUP_BYTES struct bytes out = {0};

	(void)state;
	assert_int_equal(
	    text_cache_read(&cache, 0, 10, render, &text, &out), -EIO);
	assert_int_equal(out.len, 0);
	assert_int_equal(read_at(&cache, &text, 0, 2000), 1000);
}

static void memory_is_given_back(void **state)
{
	struct text text = {.length = 10 * TEXT_PART};

	(void)state;
	text_cache_clear(&cache);
	assert_int_equal(read_at(&cache, &text, 0, 10 * TEXT_PART), text.length);
	text_cache_clear(&cache);
	assert_int_equal(read_at(&cache, &text, 0, 10 * TEXT_PART), text.length);
	assert_int_equal(text.renders, 20);
}

static void *read_all(void *arg)
{
	struct text *text = arg;

	for (int64_t at = 0; at < text->length; at += 4096)
		read_at(&cache, text, at, 4096);
	return NULL;
}

static void many_readers(void **state)
{
	struct text text = {.length = 50 * TEXT_PART};
	pthread_t thread[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, read_all, &text), 0);
	for (int i = 0; i < 16; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(text.renders, 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(each_part_is_rendered_once),
	    TEST(the_end_moves),
	    TEST(a_text_longer_than_the_cache),
	    TEST(a_failure_is_answered_and_leaves_nothing),
	    TEST(memory_is_given_back),
	    TEST(many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
