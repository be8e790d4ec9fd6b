/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* --- opening --- */

static struct pg_db *new_handle(struct db *common)
{
	struct pg_db *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	db->db = common;
	db->read_only = common->read_only;
	db->writer.base.db = common;
	db->writer.uses = 1;
	pthread_mutex_init(&db->pool_lock, NULL);
	clock_condition(&db->returned);
	return db;
}

/* Finds the schema, or makes that of a draft. */
static int find_schema(
    struct pg_db *db, struct pg_link *link, const char *suffix, bool create)
{
	CLEANUP_BYTES struct bytes schema = {0};
	int rc = pg_schema(link, suffix, &schema);

	if (!rc)
		db->schema = strdup((char *)schema.data);
	if (!rc && !db->schema)
		rc = -ENOMEM;
	if (!rc && create)
		rc = pg_make_draft(link, db->schema);
	return rc ? rc : pg_use_schema(link, db->schema);
}

static int name_instance(struct pg_db *db)
{
	unsigned char random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	hex_text(random, sizeof(random), db->instance);
	return 0;
}

static int open_link(
    struct pg_db *db, const char *path, const char *suffix, int flags)
{
	bool create = flags & DB_CREATE;
	struct pg_link *link = NULL;
	int rc = pg_connect(db->where, pg_patience_ms, &link);

	if (!rc)
		rc = find_schema(db, link, suffix, create);
	if (!rc)
		rc = create ? pg_make_tables(link)
			    : pg_check_version(link, path, flags & DB_UPGRADE);
	if (!rc && db->read_only)
		rc = pg_exec(link, "SET default_transaction_read_only = on");
	if (!rc && !create && !db->read_only)
		rc = pg_exec(link,
		    "DELETE FROM host WHERE at < (SELECT at FROM batch) - 86400000000000");
	if (!rc)
		return pg_set_writer(db, link);
	pg_disconnect(link);
	return rc;
}

static void reader_ended(void *arg)
{
	free(arg);
}

static int open_engine(struct db *common, int dir, const char *path, int flags)
{
	struct pg_db *db = new_handle(common);
	const char *suffix;

	(void)dir;
	common->handle = db;
	if (!db)
		return -ENOMEM;
	db->path = strdup(path);
	db->where = pg_where(path, &suffix);
	int rc = db->path && db->where ? name_instance(db) : -ENOMEM;
	if (!rc)
		rc = open_link(db, path, suffix, flags);
	if (!rc && pthread_key_create(&db->reader, reader_ended))
		rc = -ENOMEM;
	db->have_reader_key = !rc;
	if (!rc)
		common->writer = &db->writer.base;
	common->again_ms = pg_patience_ms;
	return rc;
}

static void close_engine(struct db *common)
{
	struct pg_db *db = common->handle;

	if (!db)
		return;
	if (db->have_reader_key) {
		free(pthread_getspecific(db->reader));
		pthread_key_delete(db->reader);
	}
	while (db->idle) {
		struct pg_link *next = db->idle->next;
		pg_disconnect(db->idle);
		db->idle = next;
	}
	pg_disconnect(db->writer.link);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->pool_lock);
	free(db->path);
	free(db->where);
	free(db->schema);
	free(db);
}

/* --- reading --- */

/* One without memory of its own has nothing to keep between queries. */
static struct db_conn *reader_of(struct db *common)
{
	static _Thread_local struct pg_conn spare;
	struct pg_db *db = common->handle;
	struct pg_conn *conn = pthread_getspecific(db->reader);

	if (conn)
		return &conn->base;
	conn = calloc(1, sizeof(*conn));
	if (conn && pthread_setspecific(db->reader, conn)) {
		free(conn);
		conn = NULL;
	}
	if (!conn)
		conn = &spare;
	conn->base.db = common;
	return &conn->base;
}

/* A link that has been idle may be lost without anybody knowing: that is found
 * out at once, and another one is tried. */
#define AT_ONCE CLOCK_SECOND

static bool begin_view(struct pg_conn *conn, bool *again)
{
	struct pg_link *link = pg_acquire(conn);

	*again = false;
	if (!link)
		return false;
	if (!pg_exec(link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
		return true;
	*again = pg_is_lost(link);
	pg_release(conn);
	return false;
}

static void view(struct db_conn *base)
{
	struct pg_conn *conn = (struct pg_conn *)base;
	int64_t begun = clock_ticks();
	bool again = true;

	while (!conn->in_view && again && clock_ticks() < begun + AT_ONCE)
		conn->in_view = begin_view(conn, &again);
	conn->no_view = !conn->in_view;
}

static void view_end(struct db_conn *base)
{
	struct pg_conn *conn = (struct pg_conn *)base;

	conn->no_view = false;
	if (!conn->in_view)
		return;
	if (!pg_is_lost(conn->link))
		pg_exec(conn->link, "COMMIT");
	conn->in_view = false;
	pg_release(conn);
}

static int try_rows(struct pg_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg, bool *again)
{
	struct pg_link *link = pg_acquire(conn);
	int n = 0;

	*again = false;
	if (!link)
		return -EIO;
	bool alone = conn->uses == 1 && !conn->in_view && !link->writes;
	int rc = pg_rows(link, conn->base.db->engine, query, args, fn, arg, &n);
	*again = rc && alone && n == 0 && pg_is_lost(link);
	pg_release(conn);
	return rc < 0 ? rc : n;
}

static int rows(struct db_conn *base, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	struct pg_conn *conn = (struct pg_conn *)base;
	int64_t begun = clock_ticks();
	bool again = !conn->no_view;
	int rc = -EIO;

	while (again && clock_ticks() < begun + AT_ONCE)
		rc = try_rows(conn, query, args, fn, arg, &again);
	return rc;
}

static void nothing(struct db *common)
{
	(void)common;
}

static bool never(const struct db *common)
{
	(void)common;
	return false;
}

const struct db_engine db_pg = {
    .check_path = pg_check_path,
    .wait_at_most = pg_wait_at_most,
    .each_needed = pg_each_needed,
    .files = pg_files,
    .path_max = pg_path_max,
    .directory = pg_directory,
    .is_missing = pg_is_missing,
    .has_lost_its_file = pg_has_lost_its_file,
    .check_missing = pg_check_missing,
    .remove = pg_remove,
    .publish = pg_publish,
    .lock = pg_lock,
    .hold = pg_hold,
    .each_size = pg_each_size,
    .open = open_engine,
    .close = close_engine,
    .reader = reader_of,
    .view = view,
    .view_end = view_end,
    .rows = rows,
    .integer = pg_integer,
    .null = pg_null,
    .blob = pg_blob,
    .columns = pg_columns,
    .value = pg_value,
    .begin = pg_begin,
    .run = pg_run_in_batch,
    .running = pg_running,
    .complete = pg_complete,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .settle = nothing,
    .scrub = nothing,
    .tidy = pg_tidy,
    .is_current = pg_is_current,
    .pause = pg_poll_again,
    .hurries = never,
    .bulk = pg_bulk,
    .check = pg_check,
};
