/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fresh.h"

#include "tests/unit/fs_files.h"

/* Inode numbers of conversations. */

static const uint64_t FILE_A = UINT64_C(1) << 48 | 1,
		      FILE_B = UINT64_C(1) << 48 | 2;

static void the_same_while_it_is_not_open(void **state)
{
	(void)state;
	uint64_t first = fresh_give(FILE_A);

	assert_true(ino_without_counter(first) == FILE_A);
	assert_true(fresh_give(FILE_A) == first);
	fresh_open(first);
	uint64_t second = fresh_give(FILE_A);
	assert_true(second != first);
	assert_true(ino_without_counter(second) == FILE_A);
	/* the first one is closed: the last one stays the last one */
	fresh_close(first);
	assert_true(fresh_give(FILE_A) == second);
	fresh_open(second);
	fresh_open(second);
	fresh_close(second);
	assert_true(fresh_give(FILE_A) != second);
	fresh_close(second);
}

static void each_file_has_its_own(void **state)
{
	(void)state;
	uint64_t a = fresh_give(FILE_A), b = fresh_give(FILE_B);

	fresh_open(b);
	assert_true(fresh_give(FILE_A) == a);
	assert_true(fresh_give(FILE_B) != b);
	fresh_close(b);
}

static void two_share_one_where_many_are_open(void **state)
{
	uint64_t number[FRESH_ALONE + 2];

	(void)state;
	for (int i = 0; i < FRESH_ALONE; i++) {
		number[i] = fresh_give(FILE_A);
		fresh_open(number[i]);
		for (int j = 0; j < i; j++)
			assert_true(number[i] != number[j]);
	}
	for (int i = FRESH_ALONE; i < FRESH_ALONE + 2; i++) {
		number[i] = fresh_give(FILE_A);
		fresh_open(number[i]);
	}
	assert_true(number[FRESH_ALONE] == number[FRESH_ALONE - 1]);
	assert_true(number[FRESH_ALONE + 1] != number[FRESH_ALONE]);
	for (int i = 0; i < FRESH_ALONE + 2; i++)
		fresh_close(number[i]);
	/* and they are alone again */
	uint64_t last = fresh_give(FILE_A);
	fresh_open(last);
	assert_true(fresh_give(FILE_A) != last);
	fresh_close(last);
}

static void more_files_than_places(void **state)
{
	(void)state;
	uint64_t first = fresh_give(FILE_A);

	fresh_open(first);
	for (uint64_t i = 0; i < FRESH_FILES; i++)
		fresh_give(FILE_A + 1 + i);
	/* nothing is known of it any more; its close counts for nobody */
	uint64_t again = fresh_give(FILE_A);
	assert_true(again != first);
	fresh_close(first);
	fresh_open(again);
	fresh_close(first);
	assert_true(fresh_give(FILE_A) != again);
	fresh_close(again);
}

static int note(uint64_t ino, void *arg)
{
	uint64_t *wanted = arg;

	if (ino == *wanted)
		*wanted = 0;
	return *wanted ? 0 : 7;
}

/* Whether a number is among those of which attributes may be cached. */
static bool is_recent(uint64_t ino)
{
	uint64_t wanted = ino;
	int rc = fresh_each(ino_without_counter(ino), note, &wanted);

	assert_int_equal(rc, wanted ? 0 : 7);
	return !wanted;
}

static int count_calls(uint64_t ino, void *arg)
{
	(void)ino;
	++*(int *)arg;
	return 0;
}

static void given_lately(void **state)
{
	int calls = 0;

	(void)state;
	clock_skew += FRESH_SECONDS + 1;
	uint64_t first = fresh_give(FILE_A);

	fresh_give(FILE_B);
	assert_int_equal(fresh_each(FILE_A, count_calls, &calls), 0);
	assert_int_equal(calls, 1);

	fresh_open(first);
	clock_skew += 1;
	uint64_t second = fresh_give(FILE_A);
	assert_true(is_recent(first));
	assert_true(is_recent(second));
	fresh_close(first);
	clock_skew += FRESH_SECONDS;
	assert_false(is_recent(first));
	assert_true(is_recent(second));
	clock_skew += 1;
	assert_false(is_recent(second));
	/* given again */
	assert_true(fresh_give(FILE_A) == second);
	assert_true(is_recent(second));
	assert_false(is_recent(first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_while_it_is_not_open),
	    cmocka_unit_test(each_file_has_its_own),
	    cmocka_unit_test(two_share_one_where_many_are_open),
	    cmocka_unit_test(more_files_than_places),
	    cmocka_unit_test(given_lately),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
