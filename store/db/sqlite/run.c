/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/db/sqlite/sqlite.h"

/* Running the statements of query.h on a connection. */

static int prepared(
    struct sqlite_conn *conn, enum db_query query, sqlite3_stmt **out)
{
	if (!conn->statement[query]) {
		int code = sqlite3_prepare_v3(conn->sqlite,
		    db_query_text(query), -1, SQLITE_PREPARE_PERSISTENT,
		    &conn->statement[query], NULL);
		if (code != SQLITE_OK)
			return sqlite_error(
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

static int each(struct sqlite_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	struct sqlite_row row = {.base = {conn->base.db->engine}};
	int rows = 0, stop = 0, rc = db_check_values(query, args);

	if (!rc)
		rc = prepared(conn, query, &row.statement);
	if (rc)
		return rc;
	int code = bind(row.statement, args);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(row.statement);
		if (code != SQLITE_ROW)
			break;
		rows++;
		stop = fn(&row.base, arg);
		/* a column it asked for came as NULL instead of an error */
		if (sqlite3_errcode(conn->sqlite) == SQLITE_NOMEM)
			code = SQLITE_NOMEM;
		if (stop || code == SQLITE_NOMEM)
			break;
	}
	rc = code == SQLITE_ROW
		 ? 0
		 : sqlite_error(conn->sqlite, code, db_query_name(query));
	finish(row.statement);
	if (rc)
		return rc;
	return stop < 0 ? stop : rows;
}

int sqlite_rows(struct sqlite_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	if (!conn->none)
		return each(conn, query, args, fn, arg);
	struct sqlite_db *db = conn->base.db->handle;
	pthread_mutex_lock(&db->spare_lock);
	int rc = each(db->spare, query, args, fn, arg);
	pthread_mutex_unlock(&db->spare_lock);
	return rc;
}

int sqlite_run(
    struct sqlite_conn *conn, enum db_query query, const struct db_value *args)
{
	sqlite3_stmt *statement = NULL;
	int rc = db_check_values(query, args);

	if (!rc)
		rc = prepared(conn, query, &statement);
	if (rc)
		return rc;
	int code = bind(statement, args);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_DONE)
		rc = sqlite3_changes(conn->sqlite);
	else
		rc = code == SQLITE_ROW ? -EIO
					: sqlite_error(conn->sqlite, code,
					      db_query_name(query));
	finish(statement);
	return rc;
}

/* See sqlite_next_ids. */
static const char highest_ids[] =
    "SELECT (SELECT max(id) FROM cert), (SELECT max(id) FROM grp), "
    "(SELECT max(id) FROM prov_key), (SELECT max(id) FROM member), "
    "(SELECT max(id) FROM issued), (SELECT CAST(CAST(value AS TEXT) AS INTEGER) "
    "FROM setting WHERE name = 'last_id')";

static int control(struct sqlite_conn *conn, enum sqlite_control which)
{
	static const char *const text[CONTROLS] = {
	    "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "BEGIN", highest_ids};
	int code = SQLITE_OK;

	if (!conn->control[which])
		code = sqlite3_prepare_v3(conn->sqlite, text[which], -1,
		    SQLITE_PREPARE_PERSISTENT, &conn->control[which], NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(conn->control[which]);
	return code == SQLITE_ROW
		   ? 1
		   : sqlite_error(conn->sqlite, code, text[which]);
}

int sqlite_control(struct sqlite_conn *conn, enum sqlite_control which)
{
	int rc = control(conn, which);

	sqlite3_reset(conn->control[which]);
	return rc;
}

int sqlite_next_ids(struct sqlite_conn *conn, struct db_batch *batch)
{
	int64_t highest[DB_NUMBERED] = {0};
	int rc = control(conn, CONTROL_IDS);
	sqlite3_stmt *row = conn->control[CONTROL_IDS];

	for (int i = 0; i < DB_NUMBERED && rc > 0; i++)
		highest[i] = sqlite3_column_int64(row, i);
	if (rc > 0)
		db_set_ids(
		    batch, highest, sqlite3_column_int64(row, DB_NUMBERED));
	sqlite3_reset(row);
	return rc < 0 ? rc : 0;
}

static sqlite3_stmt *statement_of(const struct db_row *row)
{
	return ((const struct sqlite_row *)row)->statement;
}

int64_t sqlite_integer(const struct db_row *row, int column)
{
	return sqlite3_column_int64(statement_of(row), column);
}

bool sqlite_null(const struct db_row *row, int column)
{
	return sqlite3_column_type(statement_of(row), column) == SQLITE_NULL;
}

const void *sqlite_blob(const struct db_row *row, int column, size_t *len)
{
	const void *blob = sqlite3_column_blob(statement_of(row), column);

	*len = (size_t)sqlite3_column_bytes(statement_of(row), column);
	return blob;
}

int sqlite_columns(const struct db_row *row)
{
	return sqlite3_column_count(statement_of(row));
}

struct db_value sqlite_value(const struct db_row *row, int column)
{
	struct db_value value = {.type = DB_NULL};

	switch (sqlite3_column_type(statement_of(row), column)) {
	case SQLITE_INTEGER:
		return DB_INT(sqlite_integer(row, column));
	case SQLITE_TEXT:
		value.type = DB_STRING;
		break;
	case SQLITE_BLOB:
		value.type = DB_BYTES;
		break;
	default:
		return value;
	}
	value.p = sqlite_blob(row, column, &value.n);
	return value;
}
