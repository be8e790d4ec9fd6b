/* SPDX-License-Identifier: Apache-2.0 */
/* Users take turns. */
#include "fs/fair.h"

#include <errno.h>
#include <string.h>

#include "store/base/clock.h"
#include "tests/unit/unit.h"

enum { MOST = 56, CPUS = 16, USERS = MOST - FAIR_RESERVE, OWNER = 4000 };

static struct fair *fair;

static int set_up(void **state)
{
	(void)state;
	fair = fair_new(MOST, CPUS, OWNER);
	return fair ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	fair_free(fair);
	return 0;
}

static int enter(uid_t uid)
{
	return fair_enter(fair, uid, false, "request", 7);
}

/* Who has the next turn when a request of this user has been answered; -1:
 * nobody waits. */
static int leave(uid_t uid)
{
	struct fair_request *r = fair_leave(fair, uid, false, false);
	int next = r ? (int)r->uid : -1;

	if (r)
		assert_memory_equal(r->data, "request", 7);
	fair_drop(r);
	return next;
}

static void one_user_gets_a_share_and_others_theirs(void **state)
{
	(void)state;
	for (int i = 0; i < FAIR_SHARE; i++)
		assert_int_equal(enter(1000), 1);
	assert_int_equal(enter(1000), 0);
	assert_int_equal(enter(1001), 1);
	/* what changes something is counted apart */
	assert_int_equal(fair_enter(fair, 1000, true, "", 0), 1);
	assert_int_equal(leave(1001), -1);
	assert_int_equal(leave(1000), 1000);
	assert_int_equal(leave(1000), -1);
}

static void as_many_run_as_there_are_cpus(void **state)
{
	struct fair *few = fair_new(MOST, 1, OWNER);

	(void)state;
	assert_non_null(few);
	for (int i = 0; i < FAIR_RUNNING; i++)
		assert_int_equal(fair_enter(few, 1, true, "", 0), 1);
	for (int i = 0; i < FAIR_SHARE; i++)
		assert_int_equal(fair_enter(few, 1, true, "", 0), 0);
	assert_int_equal(fair_enter(few, 2, true, "", 0), 1);
	assert_int_equal(fair_enter(few, 1, false, "", 0), 1);
	assert_null(fair_next(few));
	/* one that waits for the disk gives its place to the next, until the
	 * share is used up */
	for (int i = FAIR_RUNNING; i < FAIR_SHARE; i++) {
		assert_true(fair_pause(few, 1, true));
		struct fair_request *r = fair_next(few);
		assert_non_null(r);
		assert_int_equal(r->uid, 1);
		fair_drop(r);
		assert_null(fair_next(few));
	}
	assert_false(fair_pause(few, 1, true));
	/* its answer leaves a place of the share, and no CPU */
	struct fair_request *r = fair_leave(few, 1, true, true);
	assert_non_null(r);
	fair_drop(r);
	assert_false(fair_pause(few, 1, true));
	for (uid_t uid = 0; uid == 0 || uid == OWNER; uid += OWNER)
		for (int i = 0; i < FAIR_RESERVE; i++)
			assert_int_equal(fair_enter(few, uid, true, "", 0), 1);
	fair_free(few);
}

static void root_has_a_reserve(void **state)
{
	(void)state;
	for (int i = 0; i < USERS; i++)
		assert_int_equal(enter((uid_t)(1 + i % 20)), 1);
	assert_int_equal(enter(77), 0);
	for (int i = 0; i < FAIR_RESERVE; i++)
		assert_int_equal(enter(0), 1);
	assert_int_equal(enter(0), 0);
	assert_int_equal(leave(0), 0);
	assert_int_equal(leave(0), -1);
	assert_int_equal(enter(OWNER), 1);
	assert_int_equal(enter(0), 0);
	/* a place of the reserve is root's; another one anybody's */
	assert_int_equal(leave(0), 0);
	assert_int_equal(leave(0), -1);
	assert_int_equal(leave(1), 77);
}

static void turns_are_by_user(void **state)
{
	const int order[] = {1, 2, 3, 1, 3, 1, 1};

	(void)state;
	for (int i = 0; i < USERS; i++)
		assert_int_equal(enter((uid_t)(100 + i)), 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(enter(1), 0);
	assert_int_equal(enter(2), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(enter(3), 0);
	int got[COUNT(order)];
	for (size_t i = 0; i < COUNT(order); i++)
		got[i] = leave((uid_t)(100 + i));
	/* each of the three in the first three, whoever begins */
	int seen = 0;
	for (int i = 0; i < 3; i++)
		seen |= 1 << got[i];
	assert_int_equal(seen, 1 << 1 | 1 << 2 | 1 << 3);
	int of[4] = {0};
	for (size_t i = 0; i < COUNT(order); i++)
		of[got[i]]++;
	assert_int_equal(of[1], 4);
	assert_int_equal(of[2], 1);
	assert_int_equal(of[3], 2);
	assert_int_equal(leave(107), -1);
}

static void no_more_wait_than_may(void **state)
{
	static unsigned char big[1 << 20];
	int waiting = 0;

	(void)state;
	for (int i = 0; i < FAIR_SHARE; i++)
		assert_int_equal(enter(1), 1);
	for (int i = 0; i < FAIR_WAITING; i++)
		assert_int_equal(enter(1), 0);
	assert_int_equal(enter(1), -EBUSY);
	/* bytes of all together; root's is the last word */
	for (int i = 0; i < USERS - FAIR_SHARE; i++)
		assert_int_equal(enter((uid_t)(100 + i)), 1);
	while (fair_enter(fair, 2, false, big, sizeof(big)) == 0)
		waiting++;
	assert_int_equal(waiting, 4);
	for (uid_t uid = 3; uid < 10; uid++)
		while (fair_enter(fair, uid, false, big, sizeof(big)) == 0)
			waiting++;
	assert_int_equal(waiting, 15);
	assert_int_equal(enter(5), 0);
	/* users that have nothing left are forgotten */
	for (uid_t uid = 1000; uid < 3000; uid++)
		enter(uid);
	assert_int_equal(enter(5000), -EBUSY);
}

static void who_waits_too_long_is_refused(void **state)
{
	int64_t later = clock_ticks() + FAIR_WAIT_SECONDS * CLOCK_SECOND;
	struct fair_request *r;
	int refused = 0;

	(void)state;
	for (int i = 0; i < FAIR_SHARE + 3; i++)
		enter(1);
	assert_null(fair_expired(fair, later - CLOCK_SECOND));
	later = clock_ticks() + FAIR_WAIT_SECONDS * CLOCK_SECOND;
	while ((r = fair_expired(fair, later))) {
		assert_int_equal(r->uid, 1);
		fair_drop(r);
		refused++;
	}
	assert_int_equal(refused, 3);
	assert_int_equal(leave(1), -1);
	assert_int_equal(enter(1), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(one_user_gets_a_share_and_others_theirs),
	    TEST(as_many_run_as_there_are_cpus),
	    TEST(root_has_a_reserve),
	    TEST(turns_are_by_user),
	    TEST(no_more_wait_than_may),
	    TEST(who_waits_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
