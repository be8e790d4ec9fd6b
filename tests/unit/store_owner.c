/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/stores.h"

enum { OWNER = 2001, OTHER = 2002, TEAM = 3001, ELSEWHERE = 3002 };

static const gid_t teams[] = {TEAM};
static const struct store_owner present = {OWNER, TEAM, 06775, 7};

static struct store_call caller(uid_t uid)
{
	return (struct store_call){.uid = uid,
	    .gid = uid,
	    .groups = teams,
	    .groups_count = 1,
	    .pid = 1};
}

static int merge(
    struct store_call *by, struct store_chown change, struct store_owner *out)
{
	int rc = store_merge_owner(by, &present, &change, out);

	/* what is refused has a reason */
	assert_true(rc >= 0 || by->reason[0]);
	return rc;
}

static void a_change_merges_what_it_names(void **state)
{
	struct store_call root = caller(0);
	struct store_owner out;

	(void)state;
	assert_int_equal(
	    merge(&root,
		(struct store_chown){.uid = true, .to = {OTHER, 9, 0, 0}}, &out),
	    0);
	assert_int_equal(out.uid, OTHER);
	assert_int_equal(out.gid, TEAM);
	assert_int_equal(out.mode, 06775);
	assert_int_equal(
	    merge(&root,
		(struct store_chown){.mode = true, .to = {9, 9, 04640, 0}},
		&out),
	    0);
	assert_int_equal(out.uid, OWNER);
	assert_int_equal(out.mode, 04640);
	/* of a mode that comes with an owner only the special bits count: it
	 * may be an old one */
	assert_int_equal(
	    merge(&root,
		(struct store_chown){
		    .gid = true, .mode = true, .to = {9, 5, 02600, 0}},
		&out),
	    0);
	assert_int_equal(out.gid, 5);
	assert_int_equal(out.mode, 02775);
}

static void the_owner_of_the_moment_decides(void **state)
{
	const struct store_chown mode = {.mode = true, .to = {.mode = 0600}};
	const struct store_chown clear = {.mode = true, .to = {.mode = 0775}};
	const struct store_chown unchanged = {
	    .mode = true, .to = {.mode = 06775}};
	const struct store_chown give = {.uid = true, .to = {.uid = OTHER}};
	const struct store_chown same = {.uid = true, .to = {.uid = OWNER}};
	struct store_call owner = caller(OWNER), other = caller(OTHER);
	struct store_owner out;

	(void)state;
	assert_int_equal(merge(&owner, mode, &out), 0);
	assert_int_equal(merge(&owner, same, &out), 1);
	assert_int_equal(merge(&owner, give, &out), -EPERM);
	assert_int_equal(merge(&other, clear, &out), 0);
	assert_int_equal(merge(&other, mode, &out), -EPERM);
	assert_int_equal(merge(&other, same, &out), -EPERM);
	assert_int_equal(merge(&other, give, &out), -EPERM);
	assert_int_equal(merge(&other, unchanged, &out), -EPERM);
}

static void a_group_takes_a_member(void **state)
{
	const struct store_chown team = {.gid = true, .to = {.gid = TEAM}};
	const struct store_chown own = {.gid = true, .to = {.gid = OWNER}};
	const struct store_chown elsewhere = {
	    .gid = true, .to = {.gid = ELSEWHERE}};
	struct store_call owner = caller(OWNER);
	struct store_owner out;

	(void)state;
	assert_int_equal(merge(&owner, team, &out), 1);
	assert_int_equal(merge(&owner, own, &out), 0);
	assert_int_equal(merge(&owner, elsewhere, &out), -EPERM);
	/* unknown groups: the kernel has asked the caller's own */
	owner = caller(OWNER);
	owner.groups_count = -1;
	assert_int_equal(merge(&owner, elsewhere, &out), 0);
	assert_false(store_in_group(&owner, TEAM));
	assert_true(store_in_group(&owner, OWNER));
	owner.group_shown = true;
	owner.shown_gid = TEAM;
	assert_true(store_in_group(&owner, TEAM));
	assert_false(store_in_group(&owner, ELSEWHERE));
}

static void set_and_look(
    struct store_call *by, struct store_chown change, int want)
{
	assert_int_equal(store_chown(store, by, &key.object, 0, &change), want);
	assert_int_equal(store_get(store, STORE_KEY, key.object.id, &key), 0);
}

static void ctime_moves_with_a_change_alone(void **state)
{
	struct store_call root = caller(0), other = caller(OTHER);
	const struct store_chown change = {.mode = true, .to = {.mode = 0700}};

	(void)state;
	assert_int_equal(key.object.ctime, 0);
	set_and_look(&root, change, 0);
	int64_t first = key.object.ctime;
	assert_true(first > 0);
	set_and_look(&root, change, 1);
	assert_int_equal(key.object.ctime, first);
	set_and_look(&other,
	    (struct store_chown){.mode = true, .to = {.mode = 0777}}, -EPERM);
	assert_int_equal(key.object.mode, 0700);
	assert_int_equal(key.object.ctime, first);
	set_and_look(
	    &root, (struct store_chown){.gid = true, .to = {.gid = TEAM}}, 0);
	assert_true(key.object.ctime > first);
	first = key.object.ctime;
	assert_int_equal(
	    store_rename(store, &root, STORE_KEY, key.object.id, "other"), 0);
	assert_int_equal(store_get(store, STORE_KEY, key.object.id, &key), 0);
	assert_true(key.object.ctime > first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_change_merges_what_it_names),
	    cmocka_unit_test(the_owner_of_the_moment_decides),
	    cmocka_unit_test(a_group_takes_a_member),
	    STORE_TEST(ctime_moves_with_a_change_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
