/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are taken, whatever became of groups and members: those on which
 * there is a valid certificate, as a look at all certificates tells. */
#include <errno.h>
#include <sqlite3.h>

#include "store/base/clock.h"
#include "store/objects/former.h"
#include "tests/unit/stores.h"

enum { NAMES = 3, STEPS = 400, PAST = 1000 };

static const char *const groups[NAMES] = {"g0", "g1", "g2"};
static const char *const members[NAMES] = {"m0", "m1", "m2"};
static sqlite3 *raw;

static int any(int n)
{
	static unsigned int seed = 1;

	seed = seed * 1103515245 + 12345;
	return (int)(seed >> 16) % n;
}

/* Whether there is a row; names, id and now are ?1 to ?3. */
static bool holds(const char *sql, const char *names, int64_t id, int64_t now)
{
	sqlite3_stmt *rows;

	assert_int_equal(
	    sqlite3_prepare_v2(raw, sql, -1, &rows, NULL), SQLITE_OK);
	sqlite3_bind_text(rows, 1, names, -1, SQLITE_STATIC);
	sqlite3_bind_int64(rows, 2, id);
	sqlite3_bind_int64(rows, 3, now);
	bool found = sqlite3_step(rows) == SQLITE_ROW;
	sqlite3_finalize(rows);
	return found;
}

static bool another_has(const char *names, int64_t member, int64_t now)
{
	return holds("SELECT 1 FROM issued WHERE names = ?1 AND member <> ?2 "
		     "AND revoked IS NULL AND not_after > ?3",
	    names, member, now);
}

static bool find(enum store_kind kind, int64_t parent, const char *name,
    union store_any *out)
{
	return store_find(store, kind, parent, name, out) == 0;
}

static void find_group(const char *name, union store_any *out)
{
	if (find(STORE_GROUP, STORE_APP_CONNECTOR, name, out))
		return;
	assert_int_equal(store_make(store, &call, STORE_GROUP,
			     STORE_APP_CONNECTOR, &test_above, name, 0755, out),
	    0);
}

static void find_key(const union store_any *of, union store_any *out)
{
	if (find(STORE_KEY, of->object.id, "k", out))
		return;
	assert_int_equal(store_make(store, &call, STORE_KEY, of->object.id,
			     &test_above, "k", 0755, out),
	    0);
	test_set(out, STORE_MAX_USES, STORE_UNLIMITED);
}

static bool is_taken(
    const union store_any *of, const char *group_name, const char *name)
{
	union store_any member;
	char names[128];

	snprintf(names, sizeof(names), "2/%s/%s", group_name, name);
	return find(STORE_MEMBER, of->object.id, name, &member) ||
	       another_has(names, 0, clock_now() / CLOCK_SECOND);
}

static void enroll_as(const union store_any *of, const char *group_name)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};
	const char *name = members[any(NAMES)];
	union store_any with;

	find_key(of, &with);
	test_simple_csr("x", &der);
	bool taken = is_taken(of, group_name, name);
	assert_int_equal(store_enroll(store, &call, with.object.id, name,
			     der.data, der.len, &reply),
	    taken ? -EEXIST : 0);
}

/* Neither revoked nor expired. */
static bool is_valid(const union store_any *member)
{
	return !member->member.revoked && !clock_past(member->member.not_after);
}

static void renew(const union store_any *member, const char *group_name)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};
	char names[128];

	if (!is_valid(member))
		return;
	test_simple_csr("x", &der);
	snprintf(
	    names, sizeof(names), "2/%s/%s", group_name, member->object.name);
	bool taken = another_has(
	    names, member->object.id, clock_now() / CLOCK_SECOND);
	assert_int_equal(store_renew(store, &call, member->object.id, der.data,
			     der.len, &reply),
	    taken ? -EEXIST : 0);
}

/* It has expired by itself; a clock that is set back makes it valid again. */
static void expire(int64_t member)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "UPDATE issued SET not_after = unixepoch() - %d WHERE member = %d",
	    PAST / 2, (int)member);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void remove_group(const union store_any *of)
{
	union store_any found;

	for (int i = 0; i < NAMES; i++)
		if (find(STORE_MEMBER, of->object.id, members[i], &found))
			store_remove(
			    store, &call, STORE_MEMBER, found.object.id);
	if (find(STORE_KEY, of->object.id, "k", &found))
		store_remove(store, &call, STORE_KEY, found.object.id);
	assert_int_equal(
	    store_remove(store, &call, STORE_GROUP, of->object.id), 0);
}

static void change_member(const union store_any *member, const char *group_name)
{
	struct store_edit reason = {
	    .field = STORE_REVOCATION, .text = "superseded"};

	switch (any(8)) {
	case 0:
		store_set(store, &call, &member->object, &reason);
		break;
	case 1:
		expire(member->object.id);
		break;
	case 2:
		store_remove(store, &call, STORE_MEMBER, member->object.id);
		break;
	case 3:
	case 4:
		renew(member, group_name);
		break;
	default:
		store_rename(store, &call, STORE_MEMBER, member->object.id,
		    members[any(NAMES)]);
		break;
	}
}

static void change(void)
{
	const char *group_name = groups[any(NAMES)];
	union store_any of, member;
	int what = any(24);

	find_group(group_name, &of);
	if (what < 8)
		enroll_as(&of, group_name);
	else if (what < 10)
		remove_group(&of);
	else if (what < 14)
		store_rename(store, &call, STORE_GROUP, of.object.id,
		    groups[any(NAMES)]);
	else if (find(STORE_MEMBER, of.object.id, members[any(NAMES)], &member))
		change_member(&member, group_name);
}

static void compare(int g, int m, int64_t now)
{
	union store_any of, member;
	char names[128];

	if (!find(STORE_GROUP, STORE_APP_CONNECTOR, groups[g], &of))
		return;
	snprintf(names, sizeof(names), "2/%s/%s", groups[g], members[m]);
	bool want = find(STORE_MEMBER, of.object.id, members[m], &member) ||
		    another_has(names, 0, now);
	int got = db_exists(db_reader(store->db), DB_ENROLL_NAME_TAKEN,
	    DB_ARGS(DB_INT(of.object.id), DB_TEXT(members[m]), DB_TEXT(names),
		DB_INT(now)));
	if (got != want)
		fail_msg("%s is %staken", names, want ? "not " : "");
}

static int is_kept(struct db_conn *conn, const struct former *former, void *arg)
{
	++*(int *)arg;
	assert_int_equal(former_has(conn, former), 1);
	return 0;
}

static void names_are_taken_as_certificates_say(void **state)
{
	int kept = 0;

	(void)state;
	ONLY_WITH_A_FILE();
	assert_int_equal(sqlite3_open(temp_file("store"), &raw), SQLITE_OK);
	sqlite3_busy_timeout(raw, 10000);
	for (int i = 0; i < STEPS; i++) {
		int64_t now = clock_now() / CLOCK_SECOND;
		change();
		for (int at = 0; at < NAMES * NAMES; at++) {
			compare(at / NAMES, at % NAMES, now);
			compare(at / NAMES, at % NAMES, now - PAST);
		}
	}
	assert_int_equal(former_each(db_reader(store->db), is_kept, &kept), 0);
	assert_true(kept > 10);
	sqlite3_close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(names_are_taken_as_certificates_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
