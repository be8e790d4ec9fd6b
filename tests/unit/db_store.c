/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/db/sqlite/sqlite.h"
#include "tests/unit/temp.h"
#include "tests/unit/unit.h"

static sqlite3 *raw(const struct db *db)
{
	return ((struct sqlite_conn *)db->writer)->sqlite;
}

static int get_int(const struct db *db, const char *sql, int64_t *out)
{
	return sqlite_int((struct sqlite_conn *)db->writer, sql, out);
}

/* As a store is opened: in its directory. */
static int open_at(const char *name, int flags, struct db **db)
{
	int dir;

	assert_int_equal(db_directory(temp_file(name), &dir), 0);
	int rc = db_open(dir, temp_file(name), flags, db);
	if (dir >= 0)
		close(dir);
	return rc;
}

static struct db *opened_at(const char *name)
{
	struct db *db;

	assert_int_equal(open_at(name, DB_CREATE, &db), 0);
	return db;
}

static struct db *opened(void)
{
	return opened_at("store");
}

static void exec(const char *sql)
{
	sqlite3 *raw;

	assert_int_equal(sqlite3_open(temp_file("store"), &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(raw);
}

static void every_statement_prepares(void **state)
{
	(void)state;
	struct db *db = opened();

	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		sqlite3_stmt *statement = NULL;
		assert_non_null(db_query_text(i));
		int code = sqlite3_prepare_v2(
		    raw(db), db_query_text(i), -1, &statement, NULL);
		if (code != SQLITE_OK)
			fail_msg("%s: %s", db_query_name(i),
			    sqlite3_errmsg(raw(db)));
		assert_non_null(statement);
		sqlite3_finalize(statement);
	}
	db_close(db);
}

/* The columns that store.h's structs are read from are the ones that are
 * selected. */
static void rows_have_their_columns(void **state)
{
	(void)state;
	static const struct {
		enum db_query query;
		int columns;
	} want[] = {
	    {DB_PLACE_GET, DB_OBJECT_COLUMNS},
	    {DB_CERT_GET, DB_CERT_COLUMNS + 1},
	    {DB_GROUP_GET, DB_GROUP_COLUMNS + 1},
	    {DB_KEY_GET, DB_KEY_COLUMNS + 1},
	    {DB_MEMBER_GET, DB_MEMBER_COLUMNS + 1},
	    {DB_ENROLL_KEY, DB_ENROLL_COLUMNS + 1},
	    {DB_RENEW_MEMBER, DB_RENEW_COLUMNS + 1},
	};
	struct db *db = opened();

	for (size_t i = 0; i < COUNT(want); i++) {
		sqlite3_stmt *statement;
		sqlite3_prepare_v2(raw(db), db_query_text(want[i].query), -1,
		    &statement, NULL);
		assert_int_equal(
		    sqlite3_column_count(statement), want[i].columns);
		sqlite3_finalize(statement);
	}
	db_close(db);
}

/* Whether a line of a plan reads a whole table. What a subquery has made may
 * be read: made collects the names that are given to it. SQLite 3.40 calls it
 * a SUBQUERY, 3.46 says MATERIALIZE NAME and then SCAN NAME. */
static bool scans_a_table(const char *plan, char *made, size_t size)
{
	char name[64], quoted[68];

	if (sscanf(plan, "MATERIALIZE %63s", name) == 1 ||
	    sscanf(plan, "CO-ROUTINE %63s", name) == 1) {
		size_t used = strlen(made);
		snprintf(made + used, size - used, "|%s|", name);
	}
	if (sscanf(plan, "SCAN %63s", name) != 1 ||
	    strcasestr(plan, "SUBQUERY") || strstr(plan, "CONSTANT"))
		return false;
	snprintf(quoted, sizeof(quoted), "|%s|", name);
	return !strstr(made, quoted);
}

/* A member's own certificates, or the few behind the last that was counted. */
static bool sorts_few(enum db_query query)
{
	return query == DB_MEMBER_COUNT_REVOKED || query == DB_MEMBER_REVOKE ||
	       query == DB_CERT_LISTS || query == DB_CERT_GET ||
	       query == DB_ISSUED_COUNT;
}

/* Lists and lookups go through an index: 100,000 rows must not be read for
 * one. Only index.txt reads the whole table of certificates. */
static void no_query_scans_a_table(void **state)
{
	(void)state;
	static const enum db_query query[] = {DB_GROUP_GET, DB_GROUP_FIND,
	    DB_GROUP_EACH, DB_KEY_GET, DB_KEY_FIND, DB_KEY_EACH, DB_MEMBER_GET,
	    DB_MEMBER_FIND, DB_MEMBER_EACH, DB_ENROLL_KEY, DB_ENROLL_SECRET,
	    DB_ENROLL_KNOWN, DB_ENROLL_NAME_TAKEN, DB_ENROLL_SPEND,
	    DB_CERT_KNOWN, DB_CERT_KEY_TAKEN, DB_CERT_LISTS, DB_CRL_ENTRIES,
	    DB_CRL_ENTRY, DB_CRL_EXPIRED, DB_MEMBER_UNLISTED, DB_KEY_COPY,
	    DB_KEY_ORDER_NEXT, DB_GROUP_ORDER_NEXT, DB_KEY_ORDER_LEFT,
	    DB_GROUP_ORDER_LEFT, DB_MEMBER_COUNT_REVOKED, DB_MEMBER_REVOKE,
	    DB_RENEW_MEMBER, DB_RENEW_NAME_TAKEN, DB_RENEW_RECENT,
	    DB_ISSUED_COUNT, DB_ISSUED_FIRST, DB_CERT_GET, DB_CERT_REMOVE,
	    DB_GROUP_MEMBER_ADDED, DB_EVENT_LAST, DB_EVENT_LAST_LINE,
	    DB_EVENT_LINES, DB_EVENT_SEGMENT, DB_EVENT_GET, DB_PENDING_GET,
	    DB_PENDING_FIND, DB_PENDING_EACH, DB_PENDING_COUNTS, DB_PENDING_ADD,
	    DB_PENDING_DROP};
	struct db *db = opened();

	for (size_t i = 0; i < COUNT(query); i++) {
		char sql[4096], made[256] = "";
		sqlite3_stmt *statement;
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
		    db_query_text(query[i]));
		assert_int_equal(
		    sqlite3_prepare_v2(raw(db), sql, -1, &statement, NULL),
		    SQLITE_OK);
		while (sqlite3_step(statement) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(
			    statement, 3);
			if (scans_a_table(plan, made, sizeof(made)) &&
			    query[i] != DB_EVENT_LAST &&
			    query[i] != DB_EVENT_LAST_LINE)
				fail_msg(
				    "%s: %s", db_query_name(query[i]), plan);
			if (strstr(plan, "TEMP B-TREE") && !sorts_few(query[i]))
				fail_msg(
				    "%s: %s", db_query_name(query[i]), plan);
		}
		sqlite3_finalize(statement);
	}
	db_close(db);
}

/* Who guesses key texts shall not see by the time which numbers are a key's. */
static void a_key_or_none_is_looked_up_by_the_same_way(void **state)
{
	(void)state;
	int least = INT32_MAX, most = 0;
	struct db *db = opened();
	sqlite3_stmt *statement;

	exec(
	    "INSERT INTO prov_key (id, name, uid, gid, mode, created, modified, modified_by, grp, "
	    "signing_cert, secret_hash, removed) VALUES "
	    "(3, 'there', 0, 0, 0, 0, 0, 0, 1, 1, randomblob(32), NULL), "
	    "(4, 'removed', 0, 0, 0, 0, 0, 0, 1, 1, NULL, 1)");
	assert_int_equal(
	    sqlite3_prepare_v2(
		raw(db), db_query_text(DB_ENROLL_SECRET), -1, &statement, NULL),
	    SQLITE_OK);
	for (int id = 0; id < 8; id++) {
		sqlite3_bind_int(statement, 1, id);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		assert_int_equal(
		    sqlite3_column_bytes(statement, 0), id == 3 ? 32 : 0);
		assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
		int steps = sqlite3_stmt_status(
		    statement, SQLITE_STMTSTATUS_VM_STEP, 1);
		least = steps < least ? steps : least;
		most = steps > most ? steps : most;
		sqlite3_reset(statement);
	}
	assert_in_range(most - least, 0, 3);
	sqlite3_finalize(statement);
	db_close(db);
}

/* The types are in query.h; SQLite itself would take any value. */
static void values_of_another_type_are_refused(void **state)
{
	(void)state;
	struct db *db = opened();
	struct db_conn *conn = db_reader(db);

	assert_int_equal(
	    db_exists(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("a"))), 0);
	assert_int_equal(db_exists(conn, DB_SETTING_GET, DB_ARGS(DB_NIL)), 0);
	assert_int_equal(
	    db_exists(conn, DB_SETTING_GET, DB_ARGS(DB_BLOB("a", 1))), -EIO);
	assert_int_equal(
	    db_exists(conn, DB_SETTING_GET, DB_ARGS(DB_INT(1))), -EIO);
	assert_int_equal(db_exists(conn, DB_SETTING_GET, NULL), -EIO);
	assert_int_equal(db_exists(conn, DB_SETTING_GET,
			     DB_ARGS(DB_TEXT("a"), DB_TEXT("b"))),
	    -EIO);
	assert_int_equal(
	    sqlite_run((struct sqlite_conn *)db->writer, DB_SETTING_ADD,
		DB_ARGS(DB_TEXT("a"), DB_TEXT("b"))),
	    -EIO);
	db_close(db);
}

/* As in PostgreSQL. */
static void greatest_ignores_null(void **state)
{
	(void)state;
	struct db *db = opened();
	int64_t value;

	assert_int_equal(
	    get_int(db, "SELECT greatest(-7, NULL, -3, -5)", &value), 0);
	assert_int_equal(value, -3);
	assert_int_equal(
	    get_int(db, "SELECT greatest(9223372036854775807, 1)", &value), 0);
	assert_int_equal(value, INT64_MAX);
	assert_int_equal(
	    get_int(db, "SELECT greatest(NULL, NULL) IS NULL", &value), 0);
	assert_int_equal(value, 1);
	db_close(db);
}

static void every_connection_is_durable(void **state)
{
	(void)state;
	struct db *db = opened();
	int64_t value;

	assert_int_equal(get_int(db, "PRAGMA synchronous", &value), 0);
	assert_int_equal(value, 2); /* FULL */
	assert_int_equal(get_int(db, "PRAGMA foreign_keys", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(get_int(db, "PRAGMA secure_delete", &value), 0);
	assert_int_equal(value, 1);
	sqlite3_stmt *statement;
	sqlite3_prepare_v2(raw(db), "PRAGMA journal_mode", -1, &statement, NULL);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(
	    (const char *)sqlite3_column_text(statement, 0), "wal");
	sqlite3_finalize(statement);
	db_close(db);
}

static void the_file_is_private(void **state)
{
	(void)state;
	struct stat st;

	db_close(opened());
	assert_int_equal(stat(temp_file("store"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void foreign_files_are_refused(void **state)
{
	(void)state;
	struct db *db;

	exec("CREATE TABLE theirs (x)");
	assert_int_equal(open_at("store", DB_CREATE, &db), -EINVAL);
	exec("DROP TABLE theirs; PRAGMA application_id = 77");
	assert_int_equal(open_at("store", DB_CREATE, &db), -EINVAL);
	assert_int_equal(open_at("missing", 0, &db), -ENOENT);
	FILE *f = fopen(temp_file("text"), "w");
	for (int i = 0; i < 100; i++)
		fputs("this is no database, just some text\n", f);
	fclose(f);
	assert_int_equal(open_at("text", DB_CREATE, &db), -EINVAL);
}

static void a_later_version_is_refused(void **state)
{
	(void)state;
	struct db *db;

	db_close(opened());
	exec("PRAGMA user_version = 1000");
	assert_int_equal(open_at("store", DB_CREATE, &db), -EINVAL);
}

/* As the first version made it. */
static void make_first_version(void)
{
	exec(db_steps[0]);
	exec("PRAGMA application_id = 1701737068; PRAGMA user_version = 1;"
	     "INSERT INTO audit (line) VALUES ('{\"prev\":\"\"}')");
}

/* A name that had two members, one after the other; the first is revoked. */
static void fill_first_version(void)
{
	exec(
	    "INSERT INTO place VALUES (1, 0, 0, 493, 1, 1), (2, 0, 0, 493, 1, 1);"
	    "INSERT INTO setting VALUES ('domain', CAST('corp.example' AS BLOB));"
	    "INSERT INTO cert (id, name, uid, gid, mode, created, modified, modified_by, "
	    "algorithm, "
	    "subject, csr, der, spki_hash, serial, not_before, not_after, validity_days, "
	    "ca_validity_days, crl_days) VALUES (1, 'c', 0, 0, 493, 5000000000, 5000000000, 0, "
	    "'x', "
	    "'x', x'', x'', x'', x'', 0, 0, 1, 1, 1);"
	    "INSERT INTO grp (id, name, uid, gid, mode, created, modified, modified_by, place, "
	    "signing_cert, keys_changed, members_changed) "
	    "VALUES (1, 'g', 0, 0, 493, 1, 1, 0, 2, 1, 1, 1);"
	    "INSERT INTO prov_key (id, name, uid, gid, mode, created, modified, modified_by, grp, "
	    "signing_cert) VALUES (1, 'k', 0, 0, 493, 1, 1, 0, 1, 1);"
	    "INSERT INTO member (id, name, uid, gid, mode, created, modified, modified_by, "
	    "removed, "
	    "grp, prov_key, enrolled, enrolled_by) VALUES "
	    "(1, 'm', 0, 0, 493, 1, 2, 0, 2, 1, 1, 1, 0), (2, 'm', 0, 0, 493, 3, 3, 0, NULL, 1, "
	    "1, 3, 0);"
	    "INSERT INTO issued (id, member, prov_key, cert, first, serial, spki_hash, uri, der, "
	    "csr, "
	    "created, not_before, not_after, revoked, reason) SELECT id, id, 1, 1, 1, "
	    "randomblob(16), "
	    "randomblob(32), 'spiffe://corp.example/app_connector/g/m', x'0102', x'03', created, "
	    "1, 9, "
	    "removed, CASE WHEN removed THEN 'cessationOfOperation' END FROM member;");
}

/* A store of the first version gets what has come since. */
static void an_older_version_is_brought_up_to_date(void **state)
{
	int64_t value;

	(void)state;
	make_first_version();
	fill_first_version();
	struct db *db = opened();
	/* what the exported files say is new; and the journal has all that
	 * there is */
	assert_int_equal(
	    get_int(db,
		"SELECT min(version) > 5 * 1024 FROM (SELECT version FROM cert "
		"UNION ALL SELECT version FROM grp UNION ALL SELECT version FROM "
		"prov_key UNION ALL SELECT version FROM place)",
		&value),
	    0);
	assert_int_equal(value, 1);
	/* three objects, two certificates, two members, a revocation, a line */
	assert_int_equal(get_int(db, "SELECT count(*) FROM event", &value), 0);
	assert_int_equal(value, 9);
	assert_int_equal(get_int(db,
			     "SELECT count(*) FROM issued "
			     "WHERE names = '2/g/m' AND length(spki_hash) = 16",
			     &value),
	    0);
	assert_int_equal(value, 2);
	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		sqlite3_stmt *statement = NULL;
		assert_int_equal(sqlite3_prepare_v2(raw(db), db_query_text(i),
				     -1, &statement, NULL),
		    SQLITE_OK);
		sqlite3_finalize(statement);
	}
	db_close(db);
}

/* --- jobs --- */

static int put_value(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	/* a page or more, so that a disk can get full */
	static const char value[5000];
	int rc = db_run(conn, DB_SETTING_ADD,
	    DB_ARGS(DB_TEXT(arg), DB_BLOB(value, sizeof(value))));

	(void)batch;
	return rc < 0 ? rc : 0;
}

static const struct db_job put = {.record = put_value};

static int put_and_scrub(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	db_scrub(conn);
	return put_value(conn, batch, arg);
}

static const struct db_job put_secret = {.record = put_and_scrub};

static int say_no(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	(void)conn;
	(void)batch;
	(void)arg;
	return -EDQUOT;
}

static const struct db_job put_then_fail = {put_value, say_no};

static int seen(const struct db_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static int has(struct db *db, const char *name)
{
	return db_exists(db_reader(db), DB_SETTING_GET, DB_ARGS(DB_TEXT(name)));
}

static void a_failed_job_leaves_nothing(void **state)
{
	(void)state;
	struct db *db = opened();
	char a[] = "a", b[] = "b";

	assert_int_equal(db_submit(db, &put, a), 0);
	assert_int_equal(db_submit(db, &put, a), -EIO);
	assert_int_equal(db_submit(db, &put_then_fail, b), -EDQUOT);
	assert_int_equal(has(db, "a"), 1);
	assert_int_equal(has(db, "b"), 0);
	db_close(db);
}

struct client {
	struct db *db;
	int number, done;
};

/* All 50 rounds of each come out as they should. */
static void eight_at_once(struct db *db, void *(*client)(void *))
{
	struct client clients[8];
	pthread_t threads[8];

	for (int i = 0; i < 8; i++) {
		clients[i] = (struct client){db, i, 0};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, client, &clients[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(clients[i].done, 50);
	}
}

/* Even ones succeed, odd ones fail after writing. */
static void *client(void *arg)
{
	struct client *c = arg;

	for (int i = 0; i < 50; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%d-%d", c->number, i);
		bool fails = i % 2;
		int rc = db_submit(c->db, fails ? &put_then_fail : &put, name);
		c->done += rc == (fails ? -EDQUOT : 0) &&
			   has(c->db, name) == !fails;
	}
	return NULL;
}

/* Jobs of one batch do not touch each other, and what was answered is readable
 * at once. */
static void many_clients_at_once(void **state)
{
	(void)state;
	struct db *db = opened();

	eight_at_once(db, client);
	db_close(db);
	db = opened();
	assert_int_equal(has(db, "7-48"), 1);
	assert_int_equal(has(db, "7-49"), 0);
	db_close(db);
}

/* --- batches --- */

/* Three clients, of which the first holds the writer until the other two
 * wait. */
struct held {
	struct db *db;
	sem_t begun, go;
	int runs;
	int64_t id, now;
};

static int hold(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct held *h = arg;

	(void)conn;
	(void)batch;
	sem_post(&h->begun);
	while (sem_wait(&h->go))
		continue;
	return 0;
}

static int take_id(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct held *h = arg;
	char name[32];

	h->runs++;
	h->id = db_new_id(batch, DB_KEY);
	h->now = batch->now;
	snprintf(name, sizeof(name), "id-%d", (int)h->id);
	return put_value(conn, batch, name);
}

static const struct db_job hold_job = {.record = hold},
			   id_job = {.record = take_id};

static void *submit_hold(void *arg)
{
	struct held *h = arg;

	assert_int_equal(db_submit(h->db, &hold_job, h), 0);
	return NULL;
}

static void *submit_failing(void *arg)
{
	struct held *h = arg;
	char name[] = "failed";

	assert_int_equal(db_submit(h->db, &put_then_fail, name), -EDQUOT);
	return NULL;
}

static void *submit_id(void *arg)
{
	struct held *h = arg;

	assert_int_equal(db_submit(h->db, &id_job, h), 0);
	return NULL;
}

static void wait_for_queue(struct db *db, int waiting)
{
	for (bool there = false; !there; sched_yield()) {
		pthread_mutex_lock(&db->queue_lock);
		there = db->waiting == waiting;
		pthread_mutex_unlock(&db->queue_lock);
	}
}

/* What shares a transaction with a job that fails is done again without it. */
static void a_job_may_run_twice(void **state)
{
	(void)state;
	struct held h = {.db = opened()};
	pthread_t thread[3];

	sem_init(&h.begun, 0, 0);
	sem_init(&h.go, 0, 0);
	pthread_create(&thread[0], NULL, submit_hold, &h);
	while (sem_wait(&h.begun))
		continue;
	pthread_create(&thread[1], NULL, submit_id, &h);
	wait_for_queue(h.db, 2);
	pthread_create(&thread[2], NULL, submit_failing, &h);
	wait_for_queue(h.db, 3);
	sem_post(&h.go);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(h.runs, 2);
	assert_int_equal(h.id, 1);
	assert_int_equal(has(h.db, "id-1"), 1);
	assert_int_equal(has(h.db, "failed"), 0);
	db_close(h.db);
}

/* A refusal that has changed nothing costs the others nothing. */
static void a_refusal_voids_nothing(void **state)
{
	static const struct db_job refused = {say_no, take_id};
	struct held h = {.db = opened()};

	(void)state;
	assert_int_equal(db_submit(h.db, &refused, &h), -EDQUOT);
	assert_int_equal(h.runs, 0);
	assert_int_equal(db_submit(h.db, &id_job, &h), 0);
	assert_int_equal(h.id, 1);
	assert_true(h.now > 0);
	db_close(h.db);
}

static void execute(struct db *db, const char *sql)
{
	assert_int_equal(
	    sqlite3_exec(raw(db), sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t given_id(struct db *db)
{
	struct held h = {.db = db};

	assert_int_equal(db_submit(db, &id_job, &h), 0);
	return h.id;
}

/* They follow the highest, also after that was deleted. */
static void ids_never_come_back(void **state)
{
	(void)state;
	struct db *db = opened();

	assert_int_equal(given_id(db), 1);
	execute(db,
	    "PRAGMA foreign_keys = OFF; INSERT INTO prov_key (id, name, uid, "
	    "gid, mode, created, modified, modified_by, grp, signing_cert) "
	    "VALUES (41, 'k', 0, 0, 0, 0, 0, 0, 1, 1)");
	assert_int_equal(given_id(db), 42);
	execute(db, "DELETE FROM prov_key; INSERT INTO setting (name, value) "
		    "VALUES ('last_id', CAST('50' AS BLOB))");
	assert_int_equal(given_id(db), 51);
	execute(db,
	    "UPDATE setting SET value = CAST('7' AS BLOB) WHERE name = 'last_id'; "
	    "INSERT INTO prov_key (id, name, uid, "
	    "gid, mode, created, modified, modified_by, grp, signing_cert) "
	    "VALUES (60, 'k', 0, 0, 0, 0, 0, 0, 1, 1)");
	assert_int_equal(given_id(db), 61);
	db_close(db);
}

static void a_view_is_one_moment(void **state)
{
	(void)state;
	struct db *db = opened();
	char a[] = "a", b[] = "b";

	struct db_conn *conn = db_view(db);
	assert_int_equal(has(db, "a"), 0);
	assert_int_equal(db_submit(db, &put, a), 0);
	assert_int_equal(has(db, "a"), 0);
	db_view_end(conn);
	assert_int_equal(has(db, "a"), 1);
	assert_int_equal(db_submit(db, &put, b), 0);
	assert_int_equal(has(db, "b"), 1);
	db_close(db);
}

static int ask_another(const struct db_row *row, void *arg)
{
	(void)row;
	return db_each(
	    db_reader(arg), DB_GROUP_GET, DB_ARGS(DB_INT(1)), seen, NULL);
}

static void *read_often(void *arg)
{
	struct client *c = arg;

	for (int i = 0; i < 50; i++)
		c->done += db_one(db_reader(c->db), DB_SETTING_GET,
			       DB_ARGS(DB_TEXT("a")), ask_another, c->db,
			       -ENOENT) == 0;
	return NULL;
}

/* Threads that have not read before: their connections would be of nothing, or
 * of another file. */
static void the_file_is_gone_and_reading_goes_on(void **state)
{
	(void)state;
	struct db *db = opened();
	char a[] = "a", b[] = "b", away[160];

	snprintf(away, sizeof(away), "%s", temp_file("away"));
	assert_int_equal(db_submit(db, &put, a), 0);
	assert_int_equal(rename(temp_file("store"), away), 0);
	assert_int_equal(db_submit(db, &put, b), -EIO);
	eight_at_once(db, read_often);
	assert_int_equal(rename(away, temp_file("store")), 0);
	assert_int_equal(db_submit(db, &put, b), 0);
	db_close(db);
}

/* --- the directory --- */

static void move(const char *from, const char *to)
{
	char path[160];

	snprintf(path, sizeof(path), "%s", temp_file(from));
	assert_int_equal(rename(path, temp_file(to)), 0);
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(temp_file(name), 0700), 0);
}

/* Another store in its place is not touched, be it for reading: threads that
 * have not read before open the file anew. */
static void the_directory_is_renamed_and_renamed_back(void **state)
{
	(void)state;
	char a[] = "a", b[] = "b", c[] = "c";

	make_directory("dir");
	struct db *db = opened_at("dir/store");
	assert_int_equal(db_submit(db, &put, a), 0);
	move("dir", "other");
	make_directory("dir");
	struct db *another = opened_at("dir/store");
	assert_int_equal(db_submit(db, &put_secret, b), -EIO);
	assert_int_equal(db_submit(another, &put, c), 0);
	eight_at_once(db, read_often);
	db_close(another);
	move("dir", "another");
	move("other", "dir");
	assert_int_equal(db_submit(db, &put_secret, b), 0);
	db_close(db);
	assert_int_equal(access(temp_file("dir/store-wal"), F_OK), -1);
	db = opened_at("dir/store");
	another = opened_at("another/store");
	assert_int_equal(has(db, "a") && has(db, "b") && !has(db, "c"), 1);
	assert_int_equal(has(another, "c") && !has(another, "a"), 1);
	db_close(another);
	db_close(db);
}

/* Where /proc is missing. */
static void by_path_the_directory_has_to_come_back(void **state)
{
	(void)state;
	struct db *db;
	char a[] = "a", b[] = "b";

	make_directory("dir");
	assert_int_equal(
	    db_open(AT_FDCWD, temp_file("dir/store"), DB_CREATE, &db), 0);
	assert_int_equal(db_submit(db, &put, a), 0);
	move("dir", "other");
	assert_int_equal(db_submit(db, &put, b), -EIO);
	make_directory("dir");
	db_close(opened_at("dir/store"));
	assert_int_equal(db_submit(db, &put, b), -EIO);
	eight_at_once(db, read_often);
	move("dir", "another");
	move("other", "dir");
	assert_int_equal(db_submit(db, &put, b), 0);
	db_close(db);
	assert_int_equal(access(temp_file("dir/store-wal"), F_OK), -1);
}

/* In the directory and by path. */
static void the_longest_path_works(void **state)
{
	(void)state;
	char path[1024] = "", a[] = "a";
	size_t len = (size_t)snprintf(path, sizeof(path), "%s/", temp_folder);
	size_t most = db_path_max("store");
	struct db *db;
	int dir;

	assert_in_range(most, 300, sizeof(path) - 1);
	memset(path + len, 'a', most - len);
	for (size_t at = len + 200; at < most; at += 200) {
		path[at] = '\0';
		assert_int_equal(mkdir(path, 0700), 0);
		path[at] = '/';
	}
	assert_int_equal(db_directory(path, &dir), 0);
	for (int i = 0; i < 2; i++) {
		int in = i ? AT_FDCWD : dir;
		assert_int_equal(db_open(in, path, DB_CREATE, &db), 0);
		assert_int_equal(db_submit(db, &put, a), 0);
		assert_int_equal(access(path, F_OK), 0);
		db_close(db);
		assert_int_equal(db_remove(in, path), 0);
		assert_int_equal(access(path, F_OK), -1);
	}
	close(dir);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	(void)state;
	struct db *db = opened();
	char a[] = "a", away[160];
	int fd;

	move("store", "away");
	snprintf(away, sizeof(away), "%s", temp_file("away"));
	assert_int_equal(symlink(away, temp_file("store")), 0);
	assert_int_equal(db_submit(db, &put, a), -EIO);
	db_close(db);
	assert_int_equal(
	    db_lock(AT_FDCWD, temp_file("store"), false, false, &fd), -EINVAL);
	assert_int_equal(db_hold(AT_FDCWD, temp_file("store"), &fd), -ELOOP);
}

static int count_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static void no_descriptor_is_left(void **state)
{
	(void)state;
	struct db *db;
	int before = count_descriptors();

	db_close(opened());
	assert_int_equal(open_at("store", DB_READ_ONLY, &db), 0);
	assert_in_range(count_descriptors(), before + 2, before + 8);
	db_close(db);
	assert_int_equal(open_at("missing", 0, &db), -ENOENT);
	assert_int_equal(db_open(-1, temp_file("store"), 0, &db), -EBADF);
	assert_int_equal(count_descriptors(), before);
}

static int end_transaction(
    struct db_conn *conn, struct db_batch *batch, void *arg)
{
	(void)batch;
	(void)arg;
	return sqlite_exec((struct sqlite_conn *)conn, "ROLLBACK");
}

static const struct db_job lose = {.record = end_transaction};

/* SQLite rolls back by itself when a disk is full: then no job of the batch has
 * happened. */
static void a_lost_transaction_is_told(void **state)
{
	(void)state;
	struct db *db = opened();
	char a[] = "a";

	assert_int_equal(db_submit(db, &lose, NULL), -EIO);
	assert_int_equal(db_submit(db, &put, a), 0);
	assert_int_equal(has(db, "a"), 1);
	db_close(db);
}

static void a_full_disk_is_enospc(void **state)
{
	(void)state;
	struct db *db = opened();
	char name[48];
	int64_t pages;
	int rc = 0;

	assert_int_equal(get_int(db, "PRAGMA page_count", &pages), 0);
	snprintf(
	    name, sizeof(name), "PRAGMA max_page_count=%d", (int)pages + 10);
	assert_int_equal(sqlite_exec((struct sqlite_conn *)db->writer, name), 0);
	for (int i = 0; i < 100 && !rc; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		rc = db_submit(db, &put, name);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(has(db, name), 0);
	assert_int_equal(has(db, "name 0"), 1);
	db_close(db);
}

static void read_only_stores_take_no_jobs(void **state)
{
	(void)state;
	struct db *db;
	char a[] = "a";

	db_close(opened());
	assert_int_equal(open_at("store", DB_READ_ONLY, &db), 0);
	assert_int_equal(db_submit(db, &put, a), -EROFS);
	assert_int_equal(has(db, "a"), 0);
	db_close(db);
}

/* What db_scrub asks for: nothing is left in the log. */
static void scrubbing_empties_the_log(void **state)
{
	(void)state;
	struct db *db = opened();
	struct stat st;
	char a[] = "a", b[] = "b";

	assert_int_equal(db_submit(db, &put, a), 0);
	assert_int_equal(stat(temp_file("store-wal"), &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(db_submit(db, &put_secret, b), 0);
	assert_int_equal(stat(temp_file("store-wal"), &st), 0);
	assert_int_equal(st.st_size, 0);
	db_close(db);
}

static int wait_in_row(const struct db_row *row, void *arg)
{
	(void)row;
	sem_t *both = arg;

	sem_post(&both[0]);
	sem_wait(&both[1]);
	return 0;
}

struct reading {
	struct db *db;
	sem_t both[2];
};

static void *read_slowly(void *arg)
{
	struct reading *r = arg;

	db_each(db_reader(r->db), DB_SETTING_GET, DB_ARGS(DB_TEXT("a")),
	    wait_in_row, r->both);
	return NULL;
}

/* A reader in the way delays nobody for long, and the log is emptied when it
 * has gone. */
static void scrubbing_waits_for_readers_behind(void **state)
{
	(void)state;
	struct reading r = {.db = opened()};
	pthread_t thread;
	struct stat st;
	char a[] = "a", b[] = "b", name[16];

	sem_init(&r.both[0], 0, 0);
	sem_init(&r.both[1], 0, 0);
	assert_int_equal(db_submit(r.db, &put, a), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
	sem_wait(&r.both[0]);
	assert_int_equal(db_submit(r.db, &put_secret, b), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "more %d", i);
		assert_int_equal(db_submit(r.db, &put, name), 0);
	}
	assert_int_equal(stat(temp_file("store-wal"), &st), 0);
	assert_true(st.st_size > 0);
	sem_post(&r.both[1]);
	pthread_join(thread, NULL);
	/* no job needed: the writer comes back to it by itself */
	for (int tries = 0; st.st_size && tries < 400; tries++) {
		usleep(50000);
		assert_int_equal(stat(temp_file("store-wal"), &st), 0);
	}
	assert_int_equal(st.st_size, 0);
	db_close(r.db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_statement_prepares),
	    TEST(rows_have_their_columns),
	    TEST(no_query_scans_a_table),
	    TEST(a_key_or_none_is_looked_up_by_the_same_way),
	    TEST(values_of_another_type_are_refused),
	    TEST(greatest_ignores_null),
	    TEST(every_connection_is_durable),
	    TEST(the_file_is_private),
	    TEST(foreign_files_are_refused),
	    TEST(a_later_version_is_refused),
	    TEST(an_older_version_is_brought_up_to_date),
	    TEST(a_failed_job_leaves_nothing),
	    TEST(many_clients_at_once),
	    TEST(a_job_may_run_twice),
	    TEST(a_refusal_voids_nothing),
	    TEST(ids_never_come_back),
	    TEST(a_view_is_one_moment),
	    TEST(the_file_is_gone_and_reading_goes_on),
	    TEST(the_directory_is_renamed_and_renamed_back),
	    TEST(by_path_the_directory_has_to_come_back),
	    TEST(the_longest_path_works),
	    TEST(a_link_in_its_place_is_not_followed),
	    TEST(no_descriptor_is_left),
	    TEST(a_lost_transaction_is_told),
	    TEST(a_full_disk_is_enospc),
	    TEST(read_only_stores_take_no_jobs),
	    TEST(scrubbing_empties_the_log),
	    TEST(scrubbing_waits_for_readers_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
