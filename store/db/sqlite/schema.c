/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "store/base/report.h"
#include "store/db/sqlite/sqlite.h"

/* "enrl": whose file this is, for file(1) and for us. */
enum { APPLICATION_ID = 0x656e726c };

static int migrate(struct sqlite_conn *conn, int64_t from)
{
	char sql[96];

	/* a step changes the text of the schema */
	sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	/* a table that is made again goes for a moment; no row does */
	int rc = sqlite_exec(conn,
	    "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = ON; BEGIN IMMEDIATE");

	for (int64_t i = from; !rc && i < db_steps_count; i++)
		rc = sqlite_exec(conn, db_steps[i]);
	snprintf(sql, sizeof(sql),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d;",
	    APPLICATION_ID, db_steps_count);
	if (!rc)
		rc = sqlite_exec(conn, sql);
	if (!rc)
		rc = sqlite_exec(conn, "COMMIT");
	if (rc && !sqlite3_get_autocommit(conn->sqlite))
		sqlite_exec(conn, "ROLLBACK");
	sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return rc ? rc
		  : sqlite_exec(conn,
			"PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON");
}

/* SQLite answers which mode it is in; another than the one asked for is no
 * error to it. */
static int write_ahead(struct sqlite_conn *conn)
{
	int64_t is_wal = 0;
	int rc = sqlite_exec(conn, "PRAGMA journal_mode = WAL");

	if (!rc)
		rc = sqlite_int(conn,
		    "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
		    &is_wal);
	if (rc || is_wal)
		return rc;
	report(LOG_ERR, "store: its filesystem cannot have a write-ahead log");
	return -EIO;
}

/* A file that is there and has no tables: a store's are in its write-ahead log
 * until it is copied. */
static int no_tables(const struct sqlite_db *db)
{
	report(LOG_ERR,
	    "store %s: has no tables: its write-ahead log %s-wal is probably missing. Copy "
	    "both "
	    "files; if nothing was ever in it, remove it",
	    db->path, db->path);
	return -EINVAL;
}

int sqlite_migrate(struct sqlite_conn *conn, const struct sqlite_db *db)
{
	int64_t application, version, tables;
	int rc = sqlite_int(conn, "PRAGMA application_id", &application);

	if (!rc)
		rc = sqlite_int(conn, "PRAGMA user_version", &version);
	if (!rc)
		rc = sqlite_int(
		    conn, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc)
		return rc;
	if (!db->made && tables == 0)
		return no_tables(db);
	if (!db->made && application != APPLICATION_ID) {
		report(LOG_ERR, "store: this is a database of another program");
		return -EINVAL;
	}
	if (version > db_steps_count) {
		report(LOG_ERR, "store: made by a later version of enrollfs");
		return -EINVAL;
	}
	if (db->read_only) {
		if (version == db_steps_count)
			return 0;
		report(LOG_ERR,
		    "store: has to be mounted writable once, to bring it up to date");
		return -EROFS;
	}
	/* A commit writes whole pages. A certificate with its request is less
	 * than a thousand bytes: four of them fit. */
	if (db->made)
		rc = sqlite_exec(conn, "PRAGMA page_size = 4096");
	if (!rc)
		rc = write_ahead(conn);
	return rc || version == db_steps_count ? rc : migrate(conn, version);
}

/* Whether the connection's schema has this. */
static bool has(struct sqlite_conn *conn, const char *name, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	bool found = false;

	if (sqlite3_prepare_v2(conn->sqlite,
		"SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql IS ?2", -1,
		&statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) ==
		SQLITE_OK &&
	    sqlite3_bind_text(statement, 2, sql, -1, SQLITE_STATIC) == SQLITE_OK)
		found = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return found;
}

/* Some early steps made tables whose ids SQLite chose. It keeps a table for
 * these, and VACUUM drops that. */
static int compare(struct sqlite_conn *fresh, struct sqlite_conn *conn,
    db_fault_fn fault, void *arg)
{
	sqlite3_stmt *statement;
	int rc = 0;
	int code = sqlite3_prepare_v2(fresh->sqlite,
	    "SELECT name, sql, type FROM sqlite_schema "
	    "WHERE name <> 'sqlite_sequence' ORDER BY rowid",
	    -1, &statement, NULL);

	while (!rc && (code == SQLITE_OK || code == SQLITE_ROW)) {
		char what[128];
		code = sqlite3_step(statement);
		if (code != SQLITE_ROW)
			break;
		const char *name = (const char *)sqlite3_column_text(
		    statement, 0);
		if (has(conn, name,
			(const char *)sqlite3_column_text(statement, 1)))
			continue;
		snprintf(what, sizeof(what), "%s %s",
		    sqlite3_column_text(statement, 2), name);
		rc = fault(what, arg);
	}
	sqlite3_finalize(statement);
	return rc ? rc
		  : sqlite_error(fresh->sqlite, code, "comparing the schema");
}

static int check_schema(struct sqlite_conn *conn, db_fault_fn fault, void *arg)
{
	struct sqlite_conn *fresh;
	int rc = sqlite_connect(":memory:",
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, DB_VFS_SHARED, &fresh);

	if (rc)
		return rc;
	rc = migrate(fresh, 0);
	if (!rc)
		rc = compare(fresh, conn, fault, arg);
	sqlite_disconnect(fresh);
	return rc;
}

static int each_fault(
    struct sqlite_conn *conn, const char *sql, db_fault_fn fault, void *arg)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(conn->sqlite, sql, -1, &statement, NULL);
	int rc = 0;

	while (!rc && (code == SQLITE_OK || code == SQLITE_ROW)) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			rc = fault(
			    (const char *)sqlite3_column_text(statement, 0),
			    arg);
	}
	if (!rc)
		rc = sqlite_error(conn->sqlite, code, "checking the database");
	sqlite3_finalize(statement);
	return rc;
}

int sqlite_check(
    struct db_conn *base, enum db_check what, db_fault_fn fault, void *arg)
{
	static const char
	    file[] = "SELECT integrity_check FROM pragma_integrity_check "
		     "WHERE integrity_check <> 'ok'";
	static const char links[] =
	    "SELECT 'row ' || rowid || ' of ' || \"table\" || ' names a missing one of ' || parent "
	    "FROM pragma_foreign_key_check UNION ALL "
	    "SELECT 'ids of deleted rows would be given again' FROM setting "
	    "WHERE name = 'last_id' AND (CAST(value AS TEXT) GLOB '*[^0-9]*' "
	    "OR length(value) NOT BETWEEN 1 AND 15)";
	struct sqlite_conn *conn = (struct sqlite_conn *)base;

	if (conn->none)
		return -EIO;
	if (what == DB_CHECK_SCHEMA)
		return check_schema(conn, fault, arg);
	return each_fault(
	    conn, what == DB_CHECK_FILE ? file : links, fault, arg);
}
