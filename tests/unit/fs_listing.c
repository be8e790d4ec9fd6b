/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/listing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/unit/unit.h"

/* Replies to readdirplus that the kernel may not have processed. */

static int forget_all(void **state)
{
	(void)state;
	for (uint64_t handle = 1; handle <= 2 * LISTINGS; handle++)
		listing_end(handle);
	return 0;
}

static void nothing_to_wait_for(void **state)
{
	(void)state;
	assert_false(listing_wait(1));
	assert_false(listing_wait(0));
	assert_true(listing_begin(1, 10));
	listing_end(11); /* of another directory */
	assert_false(listing_wait(2));
	listing_end(10);
	assert_false(listing_wait(1));
}

/* Nobody is waited for twice. */
static void a_reader_that_stops(void **state)
{
	(void)state;
	assert_true(listing_begin(1, 10));
	assert_true(listing_wait(1));
	assert_false(listing_wait(1));
	assert_true(listing_begin(1, 10));
	assert_true(listing_begin(2, 11));
	assert_true(listing_wait(0));
	assert_false(listing_wait(2));
}

static void as_many_as_there_is_room_for(void **state)
{
	(void)state;
	for (uint64_t handle = 1; handle <= LISTINGS; handle++)
		assert_true(listing_begin(1, handle));
	assert_false(listing_begin(1, LISTINGS + 1));
	listing_end(7);
	assert_true(listing_begin(1, LISTINGS + 1));
}

static atomic_bool ended, waiting;

static void *end_it(void *arg)
{
	(void)arg;
	while (!waiting)
		continue;
	/* one that begins meanwhile is not waited for */
	listing_begin(1, 11);
	ended = true;
	listing_end(10);
	return NULL;
}

static int64_t milliseconds(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void waits_until_it_ends(void **state)
{
	int64_t begun = milliseconds();
	pthread_t thread;

	(void)state;
	assert_true(listing_begin(1, 10));
	pthread_create(&thread, NULL, end_it, NULL);
	waiting = true;
	assert_true(listing_wait(1));
	assert_true(ended || milliseconds() - begun >= LISTING_MS);
	pthread_join(thread, NULL);
	assert_true(listing_wait(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(nothing_to_wait_for, forget_all),
	    cmocka_unit_test_teardown(a_reader_that_stops, forget_all),
	    cmocka_unit_test_teardown(as_many_as_there_is_room_for, forget_all),
	    cmocka_unit_test_teardown(waits_until_it_ends, forget_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
