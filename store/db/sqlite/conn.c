/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"
#include "store/db/sqlite/sqlite.h"

/* What SQLite calls `disk I/O error`, and what there is to do. */
static const char *explain(int extended)
{
	switch (extended & 0xff) {
	case SQLITE_CORRUPT:
		return "it is damaged: unmount it and run fsck.enrollfs, or restore it from a copy of export/";
	case SQLITE_CANTOPEN:
		return "the file, its -wal or its -shm cannot be opened or made";
	case SQLITE_IOERR:
		break;
	default:
		return "";
	}
	switch (extended) {
	case SQLITE_IOERR_READ:
	case SQLITE_IOERR_FSTAT:
		return "the disk cannot be read: see the kernel's messages";
	case SQLITE_IOERR_SHORT_READ:
		return "the file is shorter than it was";
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMMAP:
		return "the index of the write-ahead log (-shm) cannot be made";
	default:
		return "the disk cannot be written: see the kernel's messages";
	}
}

static int say_locked(const char *doing)
{
	report(LOG_ERR,
	    "store: %s: another program holds a lock on it: sqlite3, or a backup? fuser names it; what it does not end is refused",
	    doing);
	return -EBUSY;
}

bool sqlite_is_full(sqlite3 *sqlite, int code)
{
	int error = sqlite ? sqlite3_system_errno(sqlite) : 0;

	return (code & 0xff) == SQLITE_FULL ||
	       ((code & 0xff) == SQLITE_IOERR &&
		   (error == ENOSPC || error == EDQUOT));
}

static int say_full(const char *doing)
{
	report(LOG_ERR, "store: %s: disk full: free some space for it", doing);
	return -ENOSPC;
}

/* What has no code of its own above. */
static int say_failed(sqlite3 *sqlite, int code, int extended, const char *doing)
{
	int error = sqlite ? sqlite3_system_errno(sqlite) : 0;
	const char *words = explain(extended);

	if (sqlite_is_full(sqlite, code))
		return say_full(doing);
	report(LOG_ERR, "store: %s: %s (%d)%s%s%s%s", doing,
	    sqlite ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code), extended,
	    *words ? ": " : "", words, error ? ": " : "",
	    error ? strerror(error) : "");
	return -EIO;
}

int sqlite_error(sqlite3 *sqlite, int code, const char *doing)
{
	int extended = sqlite ? sqlite3_extended_errcode(sqlite) : code;

	/* a file's method that got no memory */
	if (extended == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		if (extended == SQLITE_CONSTRAINT_UNIQUE)
			return -EEXIST;
		break;
	case SQLITE_NOTADB:
		report(LOG_ERR, "store: this is not a database");
		return -EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return say_locked(doing);
	case SQLITE_READONLY:
		report(LOG_ERR, "store: %s: the file is read-only", doing);
		return -EROFS;
	default:
		break;
	}
	return say_failed(sqlite, code, extended, doing);
}

int sqlite_exec(struct sqlite_conn *conn, const char *sql)
{
	int code = sqlite3_exec(conn->sqlite, sql, NULL, NULL, NULL);

	return sqlite_error(conn->sqlite, code, "set-up");
}

int sqlite_int(struct sqlite_conn *conn, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(conn->sqlite, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return sqlite_error(conn->sqlite, code, "set-up");
}

/* greatest(a, b, ...) of integers, as in PostgreSQL: NULLs are ignored; NULL if
 * all are. SQLite's max(a, b) is NULL if one of them is. */
static void greatest(sqlite3_context *context, int count, sqlite3_value **value)
{
	sqlite3_int64 largest = 0;
	bool any = false;

	for (int i = 0; i < count; i++) {
		if (sqlite3_value_type(value[i]) == SQLITE_NULL)
			continue;
		sqlite3_int64 number = sqlite3_value_int64(value[i]);
		if (!any || number > largest)
			largest = number;
		any = true;
	}
	if (any)
		sqlite3_result_int64(context, largest);
}

static int add_functions(sqlite3 *sqlite)
{
	int code = sqlite3_create_function(sqlite, "greatest", -1,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
	    greatest, NULL, NULL);

	return sqlite_error(sqlite, code, "set-up");
}

int sqlite_connect(
    const char *name, int flags, enum db_vfs vfs, struct sqlite_conn **out)
{
	static const char per_connection[] = "PRAGMA foreign_keys = ON;"
					     "PRAGMA synchronous = FULL;"
					     "PRAGMA secure_delete = ON;"
					     "PRAGMA temp_store = MEMORY;"
					     "PRAGMA cache_size = -1024;";
	struct sqlite_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	int code = sqlite3_open_v2(
	    name, &conn->sqlite, flags | SQLITE_OPEN_NOMUTEX, db_vfs_name(vfs));
	int rc = sqlite_error(conn->sqlite, code, "open");
	if (!rc) {
		sqlite3_extended_result_codes(conn->sqlite, 1);
		sqlite3_busy_timeout(conn->sqlite, SQLITE_BUSY_MS);
		sqlite3_db_config(
		    conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		/* the write-ahead log goes when end_writing says so */
		sqlite3_db_config(
		    conn->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		rc = add_functions(conn->sqlite);
	}
	if (!rc)
		rc = sqlite_exec(conn, per_connection);
	if (rc) {
		sqlite_disconnect(conn);
		return rc;
	}
	*out = conn;
	return 0;
}

void sqlite_disconnect(struct sqlite_conn *conn)
{
	if (!conn)
		return;
	for (int i = 0; i < DB_QUERIES; i++)
		sqlite3_finalize(conn->statement[i]);
	for (int i = 0; i < CONTROLS; i++)
		sqlite3_finalize(conn->control[i]);
	sqlite3_close(conn->sqlite);
	free(conn);
}
