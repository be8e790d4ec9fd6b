/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/db/internal.h"

/* Running the statements of query.h on a connection. */

static int prepared(
    struct db_conn *conn, enum db_query query, sqlite3_stmt **out)
{
	if (!conn->statement[query]) {
		int code = sqlite3_prepare_v3(conn->sqlite,
		    db_query_text(query), -1, SQLITE_PREPARE_PERSISTENT,
		    &conn->statement[query], NULL);
		if (code != SQLITE_OK)
			return db_error(
			    conn->sqlite, code, db_query_name(query));
	}
	*out = conn->statement[query];
	return 0;
}

static int bind(sqlite3_stmt *statement, const struct db_value *args)
{
	for (int i = 1; args && args->type != DB_END; i++, args++) {
		int code;
		switch (args->type) {
		case DB_INTEGER:
			code = sqlite3_bind_int64(statement, i, args->i);
			break;
		case DB_STRING:
			code = sqlite3_bind_text(
			    statement, i, args->p, -1, SQLITE_STATIC);
			break;
		case DB_BYTES:
			code = sqlite3_bind_blob64(
			    statement, i, args->p, args->n, SQLITE_STATIC);
			break;
		default:
			code = sqlite3_bind_null(statement, i);
			break;
		}
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

/* Leaves nothing locked and nothing bound: what was bound may be a secret, or
 * gone. */
static void finish(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

/* Returns the number of rows seen, or -errno. */
static int each(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	struct db_row row = {0};
	int rows = 0, stop = 0, rc = prepared(conn, query, &row.statement);

	if (rc)
		return rc;
	int code = bind(row.statement, args);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(row.statement);
		if (code != SQLITE_ROW)
			break;
		rows++;
		stop = fn(&row, arg);
		/* a column it asked for came as NULL instead of an error */
		if (sqlite3_errcode(conn->sqlite) == SQLITE_NOMEM)
			code = SQLITE_NOMEM;
		if (stop || code == SQLITE_NOMEM)
			break;
	}
	rc = code == SQLITE_ROW
		 ? 0
		 : db_error(conn->sqlite, code, db_query_name(query));
	finish(row.statement);
	if (rc)
		return rc;
	return stop < 0 ? stop : rows;
}

static int rows(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	if (!conn->none)
		return each(conn, query, args, fn, arg);
	struct db *db = conn->db;
	pthread_mutex_lock(&db->spare_lock);
	int rc = each(db->spare, query, args, fn, arg);
	pthread_mutex_unlock(&db->spare_lock);
	return rc;
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

/* Returns the number of rows changed, or -errno. */
static int run(
    struct db_conn *conn, enum db_query query, const struct db_value *args)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepared(conn, query, &statement);

	if (rc)
		return rc;
	int code = bind(statement, args);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_DONE)
		rc = sqlite3_changes(conn->sqlite);
	else
		rc = code == SQLITE_ROW
			 ? -EIO
			 : db_error(conn->sqlite, code, db_query_name(query));
	finish(statement);
	return rc;
}

int db_run(
    struct db_conn *conn, enum db_query query, const struct db_value *args)
{
	const struct db_effect *effect = db_query_effect(query);
	const struct db_hooks *hooks = effect->type ? conn->db->hooks : NULL;
	int rc = 0;

	if (hooks && effect->type != DB_ADDS)
		rc = hooks->before(conn, effect, args->i);
	if (!rc)
		rc = run(conn, query, args);
	if (rc <= 0 || !hooks)
		return rc;
	int failed = hooks->changed(conn, effect,
	    effect->type == DB_ADDS ? db_inserted(conn) : args->i);
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

int64_t db_inserted(struct db_conn *conn)
{
	return sqlite3_last_insert_rowid(conn->sqlite);
}

int64_t db_int(const struct db_row *row, int column)
{
	return sqlite3_column_int64(row->statement, column);
}

bool db_is_null(const struct db_row *row, int column)
{
	return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

void db_text(const struct db_row *row, int column, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(row->statement, column);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

const void *db_blob(const struct db_row *row, int column, size_t *len)
{
	const void *blob = sqlite3_column_blob(row->statement, column);

	*len = (size_t)sqlite3_column_bytes(row->statement, column);
	return blob;
}
