/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/stores.h"

/* What strangers can write to the trail. */

static _Atomic time_t passed;

/* Stands before the C library's: time passes when the test says so. */
int clock_gettime(clockid_t clock, struct timespec *at)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, at);

	at->tv_sec += passed;
	return rc;
}

enum { SECONDS = 20, USERS = 1000, STORM = 3 };

static long refusals(void)
{
	CLEANUP_BYTES struct bytes log = {0};
	long lines = 0;

	assert_int_equal(store_log_read(store, 0, 16 << 20, &log), 0);
	for (size_t i = 0; i + 9 < log.len; i++)
		lines += memcmp(log.data + i, "\"enroll\"", 8) == 0 ||
			 memcmp(log.data + i, "\"left_out\"", 10) == 0;
	return lines;
}

static void storm(void)
{
	for (uid_t uid = 2000; uid < 2000 + USERS; uid++)
		for (int i = 0; i < STORM; i++) {
			struct store_call by = {
			    .uid = uid, .gid = 100, .pid = 1, .comm = "greedy"};
			store_refuse(&by, -EKEYREJECTED,
			    "this provisioning key is not known here");
			store_log_stranger(store, &by, "enroll", -EKEYREJECTED);
		}
}

static void many_strangers_have_few_lines_together(void **state)
{
	(void)state;
	size_t before, after;
	int64_t at, began = clock_ticks();

	assert_int_equal(store_log_stat(store, &before, &at), 0);
	for (int i = 0; i < SECONDS; i++) {
		storm();
		passed++;
	}
	/* whose permission was shown is recorded all the same */
	struct store_call owner = {
	    .uid = 1000, .gid = 100, .pid = 1, .comm = "sh"};
	store_refuse(&owner, -EINVAL, "not a number");
	store_log_refusal(
	    store, &owner, "set", "app_connector/berlin/keys/auto", -EINVAL);
	/* behind what was posted */
	test_set(&key, STORE_MAX_USES, 7);
	long lines = refusals();
	int64_t took = (clock_ticks() - began) / CLOCK_SECOND;
	assert_in_range(lines, 256, 256 + 2 * (SECONDS + 10 + took));
	assert_int_equal(store_log_stat(store, &after, &at), 0);
	assert_in_range((after - before) / (size_t)lines, 1,
	    70 * 1000 * 1000 / (2 * 86400));
	/* all of them were counted */
	assert_int_equal(atomic_load(&store->metrics.refused[EKEYREJECTED]),
	    SECONDS * USERS * STORM);
	assert_int_equal(atomic_load(&store->metrics.refused[EINVAL]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(many_strangers_have_few_lines_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
