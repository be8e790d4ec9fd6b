/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/db/cache.h"
#include "store/objects/object.h"
#include "tests/unit/stores.h"

/* A row of the cache is what the database has, behind every job. */

enum { IDS = 12, TEXT = 4096, COLUMNS = 64 };

/* --- comparing --- */

/* The columns of a row, as text. A row of the cache does not know how many
 * there are. */
struct columns {
	int count, type[COLUMNS];
	int counter; /* a column that may be older; -1: none */
	char text[TEXT];
	size_t len;
};

static void add(struct columns *to, const void *data, size_t len)
{
	assert_true(to->len + len <= sizeof(to->text));
	if (len)
		memcpy(to->text + to->len, data, len);
	to->len += len;
}

static void read_columns(const struct db_row *row, struct columns *to)
{
	to->len = 0;
	for (int i = 0; i < to->count; i++) {
		if (i == to->counter)
			continue;
		size_t len = 0;
		int64_t number = to->type[i] == DB_INTEGER ? db_int(row, i) : 0;
		const void *blob = to->type[i] == DB_INTEGER
				       ? NULL
				       : db_blob(row, i, &len);
		char null = db_is_null(row, i);
		add(to, &null, 1);
		add(to, &number, sizeof(number));
		add(to, &len, sizeof(len));
		add(to, blob, len);
	}
}

static int read_fresh(const struct db_row *row, void *arg)
{
	struct columns *to = arg;

	to->count = row->engine->columns(row);
	assert_in_range(to->count, 1, COLUMNS);
	for (int i = 0; i < to->count; i++)
		to->type[i] = (int)row->engine->value(row, i).type;
	read_columns(row, to);
	return 0;
}

static int read_again(const struct db_row *row, void *arg)
{
	read_columns(row, arg);
	return 0;
}

/* Returns whether there is such a row. */
static bool check_row(enum db_query query, int64_t id)
{
	struct db *db = store->db;
	struct db_conn *conn = db_reader(db);
	const struct db_value *args = DB_ARGS(DB_INT(id));
	struct columns fresh = {.counter = query == DB_ENROLL_KEY
					       ? DB_ENROLL_USES
					       : -1},
		       kept;
	int rows = db->engine->rows(conn, query, args, read_fresh, &fresh);

	assert_in_range(rows, 0, 1);
	for (int times = 0; times < 2; times++) {
		kept = fresh;
		kept.len = 0;
		int rc = db_one(conn, query, args, read_again, &kept, -ENOENT);
		assert_int_equal(rc, rows ? 0 : -ENOENT);
		if (kept.len != fresh.len ||
		    memcmp(kept.text, fresh.text, fresh.len) != 0)
			fail_msg("%s: %lld is not what the database has",
			    db_query_name(query), (long long)id);
	}
	kept.len = 0;
	assert_int_equal(
	    db_kept(db, query, id, read_again, &kept, -ENOENT) == 0, rows);
	return rows;
}

/* Each row that can be kept; after that, each that exists is. */
static int check_all(void)
{
	int rows = 0;

	for (int query = DB_NONE + 1; query < DB_QUERIES; query++)
		for (int64_t id = 0; db_cache_keeps(query) && id < IDS; id++)
			rows += check_row(query, id);
	return rows;
}

static bool is_kept(enum db_query query, int64_t id)
{
	struct columns none = {0};

	return !db_kept(store->db, query, id, read_again, &none, -ENOENT);
}

/* A step that has to succeed, between two comparisons. */
#define STEP(call)                            \
	do {                                  \
		assert_int_equal(call, 0);    \
		assert_true(check_all() > 8); \
	} while (0)

/* --- the jobs --- */

static union store_any find(
    enum store_kind kind, int64_t parent, const char *name)
{
	union store_any found;

	assert_int_equal(store_find(store, kind, parent, name, &found), 0);
	return found;
}

/* As a program that has just read its files: the next use shows a later
 * second. */
static void look(const union store_any *object)
{
	store_look(
	    store, &object->object, object->object.changed / 1000000000 + 5);
}

static int enroll(const char *name, const union store_any *with)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};

	test_simple_csr(name, &der);
	return store_enroll(
	    store, &call, with->object.id, NULL, der.data, der.len, &reply);
}

static int renew(const union store_any *member)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};

	test_simple_csr("renewed", &der);
	return store_renew(
	    store, &call, member->object.id, der.data, der.len, &reply);
}

static int copy(const union store_any *of)
{
	CLEANUP_BYTES struct bytes text = {0};

	return store_key_copy(store, &call, of->object.id, &text);
}

static int set(const union store_any *object, enum store_field field,
    int64_t number, const char *text)
{
	struct store_edit edit = {
	    .field = field, .number = number, .text = text, .bit = 4};

	return field >= STORE_ALGORITHM
		   ? store_cert_edit(store, &call, &object->object, &edit)
		   : store_set(store, &call, &object->object, &edit);
}

static int give(const union store_any *object, mode_t mode)
{
	struct store_call root = {.pid = 1};
	struct store_chown change = {
	    .uid = true, .mode = true, .to = {.uid = 7, .mode = mode}};

	return store_chown(store, &root, &object->object, 1, &change);
}

static void follow(const struct store_file *file,
    const struct store_above *above, struct store_owner *out)
{
	(void)file;
	*out = above->object;
}

static int give_file(const union store_any *object, uid_t uid)
{
	struct store_call root = {.pid = 1};
	struct store_chown change = {.uid = true, .to = {.uid = uid}};
	struct store_file file = {.name = "enabled",
	    .ino = (uint64_t)object->object.kind << 56 |
		   (uint64_t)object->object.id,
	    .bit = 2,
	    .follow = follow};

	return store_chown_file(store, &root, &object->object, &file, &change);
}

static void edit_certificates(void)
{
	union store_any made,
	    connector = find(STORE_CERT, STORE_CERTS, "connector");

	STEP(store_make(store, &call, STORE_CERT, STORE_CERTS, &test_above,
	    "mine", 0777, &made));
	STEP(set(&made, STORE_ALGORITHM, 0, "ed25519"));
	STEP(set(&made, STORE_SUBJECT, 0, "CN=another"));
	STEP(set(&made, STORE_CA_VALIDITY_DAYS, 40, NULL));
	call.uid = 0;
	STEP(set(&made, STORE_ISSUER, 0, "root"));
	call.uid = 1000;
	STEP(set(&made, STORE_CRL_DAYS, 3, NULL));
	STEP(set(&connector, STORE_VALIDITY_DAYS, 20, NULL));
	STEP(set(&connector, STORE_ENABLED, 0, NULL));
	STEP(set(&connector, STORE_ENABLED, 1, NULL));
	STEP(give(&connector, 0711));
	STEP(give_file(&connector, 8));
	STEP(store_rename(
	    store, &call, STORE_CERT, connector.object.id, "renamed"));
	look(&connector);
	STEP(set(&group, STORE_SIGNING_CERT, 0, "mine"));
	STEP(set(&key, STORE_SIGNING_CERT, 0, "mine"));
	STEP(set(&key, STORE_SIGNING_CERT, 0, "renamed"));
	STEP(set(&group, STORE_SIGNING_CERT, 0, "renamed"));
	STEP(store_remove(store, &call, STORE_CERT, made.object.id));
}

static void edit_groups_and_keys(void)
{
	union store_any made,
	    root = {.object = {.kind = STORE_PLACE, .id = STORE_ROOT}};

	STEP(store_make(store, &call, STORE_GROUP, STORE_SERVICE_EDGE,
	    &test_above, "paris", 0777, &made));
	STEP(store_remove(store, &call, STORE_GROUP, made.object.id));
	STEP(set(&group, STORE_DESCRIPTION, 0, "some words"));
	STEP(set(&group, STORE_ENABLED, 0, NULL));
	STEP(set(&group, STORE_ENABLED, 1, NULL));
	STEP(give(&group, 0750));
	STEP(give_file(&group, 8));
	STEP(give(&root, 0751));
	STEP(give_file(&root, 8));
	STEP(store_rename(store, &call, STORE_GROUP, group.object.id, "bonn"));
	STEP(store_rename(store, &call, STORE_KEY, key.object.id, "renamed"));
	STEP(store_make(store, &call, STORE_KEY, group.object.id, &test_above,
	    "other", 0777, &made));
	STEP(set(&made, STORE_MANAGED, 1, NULL));
	STEP(set(&made, STORE_MANAGED, 0, NULL));
	STEP(set(&made, STORE_EXPIRES, STORE_NEVER, NULL));
	STEP(set(&made, STORE_EXPORTABLE, 0, NULL));
	STEP(give(&made, 0701));
	STEP(give_file(&made, 8));
	STEP(give_file(&made, 7));
	STEP(store_rename(store, &call, STORE_KEY, made.object.id, "third"));
	STEP(store_remove(store, &call, STORE_KEY, made.object.id));
}

static void use_keys(void)
{
	union store_any member,
	    connector = find(STORE_CERT, STORE_CERTS, "connector");

	STEP(set(&key, STORE_MAX_USES, STORE_UNLIMITED, NULL));
	STEP(copy(&key));
	look(&key);
	STEP(copy(&key));
	STEP(enroll("web1", &key));
	look(&key);
	look(&connector);
	STEP(enroll("web2", &key));
	member = find(STORE_MEMBER, group.object.id, "web1");
	for (int i = 0; i < 4; i++)
		STEP(renew(&member));
	look(&member);
	STEP(renew(&member));
	STEP(set(&member, STORE_DESCRIPTION, 0, "some words"));
	look(&member);
	STEP(set(&member, STORE_DESCRIPTION, 0, "other words"));
	STEP(give_file(&member, 8));
	STEP(give_file(&member, 7));
	STEP(store_rename(store, &call, STORE_MEMBER, member.object.id, "web3"));
	STEP(give(&member, 0700));
	look(&member);
	STEP(set(&member, STORE_REVOCATION, 0, "keyCompromise"));
	STEP(store_remove(store, &call, STORE_MEMBER, member.object.id));
	store_log_refusal(store, &call, "open", "x", -EPERM);
	STEP(set(&key, STORE_MAX_USES, 1, NULL));
}

static void no_job_leaves_an_older_row(void **state)
{
	(void)state;
	assert_true(check_all() > 8);
	use_keys();
	edit_certificates();
	edit_groups_and_keys();
}

/* What enrolling needs stays where it is. */
static void an_enrolment_leaves_the_rows_that_it_needs(void **state)
{
	(void)state;
	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	check_all();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(enroll("web1", &key), 0);
		assert_true(is_kept(DB_ENROLL_KEY, key.object.id));
		assert_true(is_kept(DB_PLACE_GET, STORE_ROOT));
		assert_false(is_kept(DB_KEY_GET, key.object.id));
		assert_false(is_kept(DB_GROUP_GET, group.object.id));
	}
	test_set(&group, STORE_ENABLED, 0);
	assert_false(is_kept(DB_ENROLL_KEY, key.object.id));
}

static const struct db_engine *real_engine;
static int reads;

/* Counts the queries of this thread; those of the job are the writer's. */
static int count_rows(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	reads += conn != conn->db->writer;
	return real_engine->rows(conn, query, args, fn, arg);
}

static void a_new_enrollment_reads_nothing(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes text = {0}, reply = {0};
	struct db_engine counting = *store->db->engine;

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	assert_int_equal(store_key_copy(store, &call, key.object.id, &text), 0);
	assert_int_equal(enroll("first", &key), 0);
	real_engine = store->db->engine;
	counting.rows = count_rows;
	store->db->engine = &counting;
	for (int i = 0; i < 4; i++) {
		CLEANUP_BYTES struct bytes der = {0}, whole = {0};
		char name[8];
		snprintf(name, sizeof(name), "web%d", i);
		test_simple_csr(name, &der);
		assert_int_equal(bytes_add(&whole, text.data, text.len), 0);
		assert_int_equal(
		    pki_pem(PKI_LABEL_REQUEST, der.data, der.len, &whole), 0);
		reads = 0;
		assert_int_equal(store_enroll(store, &call, 0, NULL, whole.data,
				     whole.len, &reply),
		    0);
		assert_int_equal(reads, 0);
	}
	/* what does read is counted */
	assert_int_equal(store_count(store, &(struct store_counts){0}), 0);
	assert_int_equal(reads, 1);
	store->db->engine = real_engine;
}

/* --- members that have changed --- */

static int64_t told[8];
static size_t told_count;

static void note_member(int64_t member, void *arg)
{
	(void)arg;
	if (told_count < 8)
		told[told_count] = member;
	told_count++;
}

/* Whether the change of a member was told, and of no other. */
static void check_told(int rc, int64_t member)
{
	assert_int_equal(rc, 0);
	assert_in_range(told_count, member ? 1 : 0, member ? 8 : 0);
	for (size_t i = 0; i < told_count; i++)
		assert_int_equal(told[i], member);
	told_count = 0;
}

static void who_changes_is_told(void **state)
{
	(void)state;
	union store_any member;

	told_count = 0;
	db_on_member(store->db, note_member, NULL);
	check_told(set(&key, STORE_MAX_USES, STORE_UNLIMITED, NULL), 0);
	check_told(enroll("web1", &key), 0);
	check_told(enroll("web2", &key), 0);
	check_told(copy(&key), 0);
	member = find(STORE_MEMBER, group.object.id, "web2");
	int64_t id = member.object.id;
	check_told(renew(&member), id);
	look(&member);
	check_told(renew(&member), id);
	check_told(renew(&member), id);
	check_told(set(&member, STORE_DESCRIPTION, 0, "some words"), id);
	check_told(give(&member, 0700), id);
	check_told(store_rename(store, &call, STORE_MEMBER, id, "web3"), id);
	check_told(
	    store_rename(store, &call, STORE_KEY, key.object.id, "other"), 0);
	check_told(set(&member, STORE_REVOCATION, 0, "keyCompromise"), id);
	check_told(store_remove(store, &call, STORE_MEMBER, id), id);
	/* more than are noted */
	db_cache_begin(store->db->cache);
	for (id = 1; id <= 300; id++)
		db_cache_touch(store->db->cache,
		    &(struct db_effect){DB_TOUCHES, DB_MEMBER}, id);
	db_cache_hold(store->db->cache);
	assert_int_equal(told_count, 0);
	db_cache_release(store->db->cache);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0], 0);
	db_on_member(store->db, NULL, NULL);
}

/* Nor does it matter how many rows one transaction changes. */
static void a_large_transaction(void **state)
{
	enum { MANY = 300 };

	(void)state;
	check_all();
	db_cache_begin(store->db->cache);
	for (int64_t id = 1; id <= MANY; id++)
		db_cache_touch(store->db->cache,
		    &(struct db_effect){DB_CHANGES, DB_KEY}, 1000 + id);
	db_cache_hold(store->db->cache);
	assert_false(is_kept(DB_PLACE_GET, STORE_ROOT));
	/* meanwhile nothing is kept */
	assert_int_equal(
	    store_get(store, STORE_PLACE, STORE_ROOT, &(union store_any){0}), 0);
	assert_false(is_kept(DB_PLACE_GET, STORE_ROOT));
	db_cache_release(store->db->cache);
	assert_false(is_kept(DB_PLACE_GET, STORE_ROOT));
	check_all();
}

/* A view that began before a change goes on with what it saw, and leaves
 * nothing of that behind. */
static void a_view_keeps_nothing(void **state)
{
	union store_any seen;

	(void)state;
	struct db_conn *conn = db_view(store->db);
	assert_int_equal(object_get(conn, STORE_KEY, key.object.id, &seen), 0);
	test_set(&key, STORE_MAX_USES, 77);
	assert_int_equal(object_get(conn, STORE_KEY, key.object.id, &seen), 0);
	assert_int_equal(seen.key.max_uses, 1);
	db_view_end(conn);
	assert_int_equal(test_get(&key).key.max_uses, 77);
}

/* --- many threads --- */

enum { WRITERS = 3, READERS = 5, ROUNDS = 150 };

static struct race {
	union store_any key;
	_Atomic int64_t answered; /* the last value that was stored */
} race[WRITERS];
static _Atomic int writing;

/* Whoever has its answer reads its own value, whatever came before. */
static void *write_values(void *arg)
{
	struct race *r = arg;
	struct store_call by = call;
	intptr_t stale = 0;

	for (int64_t n = 1; n <= ROUNDS; n++) {
		struct store_edit edit = {.field = STORE_MAX_USES, .number = n};
		union store_any now;
		if (store_set(store, &by, &r->key.object, &edit))
			return (void *)(intptr_t)-1;
		atomic_store(&r->answered, n);
		if (store_get(store, STORE_KEY, r->key.object.id, &now))
			return (void *)(intptr_t)-1;
		stale += now.key.max_uses != n;
	}
	atomic_fetch_sub(&writing, 1);
	return (void *)stale;
}

/* Nobody reads an older value than one that was answered before. */
static void *read_values(void *arg)
{
	intptr_t stale = 0;

	(void)arg;
	for (int i = 0; atomic_load(&writing); i++) {
		struct race *r = &race[i % WRITERS];
		int64_t least = atomic_load(&r->answered);
		union store_any now;
		if (store_get(store, STORE_KEY, r->key.object.id, &now))
			return (void *)(intptr_t)-1;
		stale += now.key.max_uses < least;
	}
	return (void *)stale;
}

static void nobody_reads_an_older_value(void **state)
{
	pthread_t thread[WRITERS + READERS];
	char name[8];

	(void)state;
	atomic_store(&writing, WRITERS);
	for (int i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "key%d", i);
		assert_int_equal(
		    store_make(store, &call, STORE_KEY, group.object.id,
			&test_above, name, 0777, &race[i].key),
		    0);
		test_set(&race[i].key, STORE_MAX_USES, 0);
	}
	for (int i = 0; i < WRITERS + READERS; i++)
		pthread_create(&thread[i], NULL,
		    i < WRITERS ? write_values : read_values,
		    i < WRITERS ? &race[i] : NULL);
	for (int i = 0; i < WRITERS + READERS; i++) {
		void *stale;
		pthread_join(thread[i], &stale);
		assert_int_equal((intptr_t)stale, 0);
	}
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(no_job_leaves_an_older_row),
	    STORE_TEST(an_enrolment_leaves_the_rows_that_it_needs),
	    STORE_TEST(a_new_enrollment_reads_nothing),
	    STORE_TEST(who_changes_is_told),
	    STORE_TEST(a_large_transaction),
	    STORE_TEST(a_view_keeps_nothing),
	    STORE_TEST(nobody_reads_an_older_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
