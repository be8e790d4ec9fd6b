/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/db/cache.h"
#include "store/db/engine.h"

/* What all databases have in common: opening, reading, jobs' statements. */

static void init_queue(struct db *db)
{
	db->last = &db->first;
	pthread_mutex_init(&db->queue_lock, NULL);
	clock_condition(&db->queued);
	clock_condition(&db->room);
}

int db_open(int dir, const char *path, int flags, struct db **out)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db)
		return -ENOMEM;
	init_queue(db);
	db->engine = db_engine_of(path);
	db->read_only = flags & DB_READ_ONLY;
	db->cache = db_cache_new();
	int rc = db->cache ? db->engine->open(db, dir, path, flags) : -ENOMEM;
	if (!rc && !db->read_only)
		rc = db_writer_start(db);
	if (rc)
		db_close(db);
	else
		*out = db;
	return rc;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	if (db->running)
		db_writer_stop(db);
	db->engine->close(db);
	pthread_cond_destroy(&db->queued);
	pthread_cond_destroy(&db->room);
	pthread_mutex_destroy(&db->queue_lock);
	db_cache_free(db->cache);
	free(db->incomplete);
	free(db);
}

void db_set_context(struct db *db, void *context, const struct db_hooks *hooks)
{
	db->context = context;
	db->hooks = hooks;
}

void db_set_waits(struct db *db, void (*waits)(void))
{
	db->waits = waits;
}

void *db_context(const struct db_conn *conn)
{
	return conn->db->context;
}

const struct histogram *db_commits(const struct db *db)
{
	return &db->commits;
}

int64_t db_recorded_last(const struct db *db)
{
	return db->recorded_last;
}

int64_t db_recorded_records(const struct db *db)
{
	return db->recorded_records;
}

const char *db_incomplete(const struct db *db)
{
	return db->incomplete;
}

/* --- reading --- */

struct db_conn *db_reader(struct db *db)
{
	return db->engine->reader(db);
}

struct db_conn *db_view(struct db *db)
{
	struct db_conn *conn = db_reader(db);

	db->engine->view(conn);
	conn->viewing = true;
	return conn;
}

void db_view_end(struct db_conn *conn)
{
	conn->viewing = false;
	conn->db->engine->view_end(conn);
}

/* A row on its way into the cache. */
struct keeping {
	struct db_cache *cache;
	enum db_query query;
	int64_t id;
	struct db_stamp stamp;
	db_row_fn fn;
	void *arg;
};

static int keep(const struct db_row *row, void *arg)
{
	const struct keeping *k = arg;

	db_cache_put(k->cache, k->query, k->id, k->stamp, row);
	return k->fn(row, k->arg);
}

/* The fixed directories are there, whoever their owner is now. */
static bool is_current(const struct db *db, enum db_query query)
{
	return query == DB_PLACE_GET || !db->engine->is_current ||
	       db->engine->is_current(db);
}

/*
 * A job sees what its transaction has changed, and a view is of one moment that
 * may be past: neither uses the cache.
 */
static bool uses_cache(const struct db_conn *conn, enum db_query query)
{
	return db_cache_keeps(query) && conn != conn->db->writer &&
	       !conn->viewing && is_current(conn->db, query);
}

static int rows(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	struct db *db = conn->db;

	if (!uses_cache(conn, query))
		return db->engine->rows(conn, query, args, fn, arg);
	struct db_kept_row row;
	int64_t id = args->i;
	if (db_cache_get(db->cache, query, id, &row)) {
		int rc = fn(&row.base, arg);
		return rc < 0 ? rc : 1;
	}
	struct keeping keeping = {db->cache, query, id,
	    db_cache_stamp(db->cache, query, id), fn, arg};
	return db->engine->rows(conn, query, args, keep, &keeping);
}

int db_each(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	int rc = rows(conn, query, args, fn, arg);

	return rc < 0 ? rc : 0;
}

int db_one(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg, int none)
{
	int rc = rows(conn, query, args, fn, arg);

	return rc < 0 ? rc : rc == 0 ? none : 0;
}

int db_kept(struct db *db, enum db_query query, int64_t id, db_row_fn fn,
    void *arg, int none)
{
	struct db_kept_row row;

	if (!is_current(db, query) || !db_cache_get(db->cache, query, id, &row))
		return none;
	int rc = fn(&row.base, arg);
	return rc < 0 ? rc : 0;
}

void db_forget(struct db *db, enum db_query query, int64_t id)
{
	db_cache_forget(db->cache, query, id);
}

static int stop_at_first(const struct db_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 1;
}

int db_exists(
    struct db_conn *conn, enum db_query query, const struct db_value *args)
{
	return rows(conn, query, args, stop_at_first, NULL);
}

int64_t db_int(const struct db_row *row, int column)
{
	return row->engine->integer(row, column);
}

bool db_is_null(const struct db_row *row, int column)
{
	return row->engine->null(row, column);
}

const void *db_blob(const struct db_row *row, int column, size_t *len)
{
	return row->engine->blob(row, column, len);
}

void db_text(const struct db_row *row, int column, char *out, size_t size)
{
	size_t len;
	const char *text = db_blob(row, column, &len);

	snprintf(out, size, "%.*s", (int)len, text ? text : "");
}

int db_read_int(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return 1;
}

int db_read_blob(const struct db_row *row, void *arg)
{
	size_t len;
	const void *blob = db_blob(row, 0, &len);
	int rc = bytes_add(arg, blob, len);

	return rc ? rc : 1;
}

int db_check(
    struct db_conn *conn, enum db_check what, db_fault_fn fault, void *arg)
{
	return conn->db->engine->check(conn, what, fault, arg);
}

/* --- in jobs --- */

int db_run(
    struct db_conn *conn, enum db_query query, const struct db_value *args)
{
	struct db *db = conn->db;
	const struct db_effect *effect = db_query_effect(query);
	const struct db_hooks *hooks = db_effect_reported(effect) ? db->hooks
								  : NULL;
	int64_t id = args ? args->i : 0;
	int rc = 0;

	if (hooks && effect->type != DB_ADDS)
		rc = hooks->before(conn, effect, id);
	if (!rc)
		rc = db->engine->run(db, query, args);
	if (rc <= 0)
		return rc;
	db->changed = true;
	db_cache_touch(db->cache, effect, id);
	if (!hooks)
		return rc;
	int failed = hooks->changed(conn, effect, id);
	return failed ? failed : rc;
}

int db_change(
    struct db_conn *conn, enum db_query query, const struct db_value *args)
{
	int rc = db_run(conn, query, args);

	return rc < 0 ? rc : 0;
}

int db_must_change(struct db_conn *conn, enum db_query query,
    const struct db_value *args, int none)
{
	int rc = db_run(conn, query, args);

	return rc < 0 ? rc : rc == 0 ? none : 0;
}

void db_scrub(struct db_conn *conn)
{
	conn->db->engine->scrub(conn->db);
}

int db_bulk(struct db_conn *conn)
{
	conn->db->once = true;
	return conn->db->engine->bulk(conn->db);
}
