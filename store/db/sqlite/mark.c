/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/sqlite/sqlite.h"

/*
 * While a store is mounted its newest changes are in the write-ahead log alone.
 * SQLite does not tie the two files to each other: a copy of the main file
 * without its log opens as an older store, and beside another's log as a
 * mixture. So the setting `mounted` says whether the main file is all:
 *
 *	open|closed SINCE LAST SESSION BASE RECORDS
 *
 * in seconds, with the number of the last line of the audit trail, a random
 * name of this mount, the name that the main file had when the mount began, and
 * the number of the last record of the journal, which stores of 0.1.0 lack.
 * It is copied into the main file when the mount begins and after all else when
 * it ends, so a main file that says `open` has a log beside it, be it after
 *kill -9 or a power failure: SQLite syncs the log and its directory before it
 *copies. Beside a log the main file has the name that the log ends with, or its
 *base.
 *
 * It describes this file, so it is not exported. A store of 0.1.0 has none.
 */

#define MARK_GET "SELECT value FROM setting WHERE name = 'mounted'"
#define MARK_LAST \
	"SELECT line FROM event WHERE line IS NOT NULL ORDER BY seq DESC LIMIT 1"
#define MARK_RECORDS "SELECT max(seq) FROM event"
/* of a store of 0.1.0 */
#define MARK_LAST_THEN "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"
#define MARK_PUT                                                    \
	"INSERT INTO setting (name, value) VALUES ('mounted', ?1) " \
	"ON CONFLICT (name) DO UPDATE SET value = excluded.value"

struct mark {
	bool readable, damaged, open;
	int64_t since, last;
	int64_t recorded; /* last as the mark says */
	int64_t records;
	char session[17], base[17];
};

/* --- reading it --- */

/* Of what cannot be read nothing is said here: whoever opens it next does. */
static int first_row(sqlite3 *sqlite, const char *sql, char text[128])
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		snprintf(text, 128, "%.*s", sqlite3_column_bytes(statement, 0),
		    (const char *)sqlite3_column_blob(statement, 0));
	sqlite3_finalize(statement);
	return code;
}

static void parse(const char *text, struct mark *mark)
{
	char state[8];

	/* what this program has written; NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(text, "%7s %" SCNd64 " %" SCNd64 " %16s %16s %" SCNd64,
		state, &mark->since, &mark->last, mark->session, mark->base,
		&mark->records) < 5 ||
	    mark->since < 0 || mark->since > CLOCK_MAX)
		memset(mark, 0, sizeof(*mark));
	else
		mark->open = strcmp(state, "open") == 0;
}

/* mark->last is what the audit trail has, not what the mark says. */
static void look(const char *name, enum db_vfs vfs, struct mark *mark)
{
	char text[128] = "", last[128] = "0";
	sqlite3 *sqlite = NULL;
	int code = sqlite3_open_v2(name, &sqlite,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, db_vfs_name(vfs));

	if (code == SQLITE_OK)
		code = first_row(sqlite, MARK_GET, text);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		code = first_row(sqlite, MARK_LAST, last);
	if (code == SQLITE_ERROR)
		code = first_row(sqlite, MARK_LAST_THEN, last);
	sqlite3_close(sqlite);
	parse(text, mark);
	mark->readable = code == SQLITE_ROW || code == SQLITE_DONE;
	mark->damaged = (code & 0xff) == SQLITE_CORRUPT ||
			(code & 0xff) == SQLITE_NOTADB;
	mark->recorded = mark->last;
	mark->last = strtoll(last, NULL, 10);
}

/* --- what it means --- */

/* -1: there is none. */
static off_t log_size(const struct sqlite_db *db)
{
	struct stat st;

	return sqlite_stat(db->dir, db->path, "-wal", &st) ? -1 : st.st_size;
}

/* A main file that can be read alone is whole, or its log has what it wants. */
static bool belongs(const struct mark *log, const struct mark *main)
{
	if (!main->readable || (!log->readable && !log->damaged))
		return true;
	if (log->damaged || log->last < main->last)
		return false;
	return strcmp(log->session, main->session) == 0 ||
	       strcmp(log->base, main->session) == 0 ||
	       (!main->session[0] && strcmp(log->base, "-") == 0);
}

static int say_without(struct sqlite_db *db, const struct mark *main)
{
	char since[CLOCK_TEXT];

	clock_text(main->since, since);
	return asprintf(&db->db->incomplete,
	    "was copied while it was mounted (since %s) without its write-ahead log %s-wal, or another program has taken that away: what came behind line %" PRId64
	    " of the log may be missing",
	    since, db->path, main->last);
}

static int say_foreign(struct sqlite_db *db)
{
	return asprintf(&db->db->incomplete,
	    "has a write-ahead log, %s-wal, of another store or another time than itself, or a damaged one",
	    db->path);
}

static int refuse(const struct sqlite_db *db, bool foreign)
{
	report(LOG_ERR, "store %s: %s. %s", db->path, db->db->incomplete,
	    foreign
		? "Copy both of them at one time; or move that file away"
		: "Copy that file, too, or copy when it is unmounted; to go on without what is missing, mount it once with -o accept_older");
	return -EUCLEAN;
}

int sqlite_mark_check(struct sqlite_db *db, int flags)
{
	struct mark main = {0}, all = {0};
	off_t log = log_size(db);

	look(db->name, DB_VFS_MAIN, &main);
	if (log > 0)
		look(db->name, DB_VFS_READ, &all);
	bool foreign = log > 0 && !belongs(&all, &main);
	db->db->recorded_last = all.readable ? all.recorded : main.recorded;
	db->db->recorded_records = all.readable ? all.records : main.records;
	if (foreign && say_foreign(db) < 0)
		return -ENOMEM;
	if (main.readable && main.open && log < 0 && say_without(db, &main) < 0)
		return -ENOMEM;
	snprintf(db->base, sizeof(db->base), "%s",
	    main.session[0] ? main.session : "-");
	if (!db->db->incomplete || (flags & DB_AS_IT_IS && !all.damaged))
		return 0;
	if (foreign || !(flags & (DB_READ_ONLY | DB_ACCEPT_OLDER)))
		return refuse(db, foreign);
	return 0;
}

/* --- writing it --- */

static int put(struct sqlite_conn *conn, const char *text)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(
	    conn->sqlite, MARK_PUT, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(
		    statement, 1, text, (int)strlen(text), SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	int rc = sqlite_error(conn->sqlite, code, "marking it");
	sqlite3_finalize(statement);
	return rc;
}

static int commit(struct sqlite_db *db, const char *state)
{
	struct sqlite_conn *conn = db->writer;
	int64_t last = 0, records = 0;
	int rc = sqlite_control(conn, CONTROL_BEGIN);

	if (rc < 0)
		return rc;
	rc = sqlite_int(conn, MARK_LAST, &last);
	if (!rc)
		rc = sqlite_int(conn, MARK_RECORDS, &records);
	snprintf(db->mark, sizeof(db->mark),
	    "%s %" PRId64 " %" PRId64 " %s %s %" PRId64, state,
	    clock_now() / CLOCK_SECOND, last, db->session, db->base, records);
	if (!rc)
		rc = put(conn, db->mark);
	if (!rc)
		rc = sqlite_control(conn, CONTROL_COMMIT);
	if (rc < 0 && !sqlite3_get_autocommit(conn->sqlite))
		sqlite_control(conn, CONTROL_ROLLBACK);
	return rc < 0 ? rc : 0;
}

/* SQLite writes no page on which nothing has changed: a number behind the mark,
 * which nobody reads, is another one each time. */
int sqlite_mark_again(struct sqlite_db *db)
{
	char text[sizeof(db->mark) + 16];

	if (!db->mark[0])
		return 0;
	snprintf(text, sizeof(text), "%s %u", db->mark, ++db->marks);
	return put(db->writer, text);
}

static int copy_all(struct sqlite_conn *conn, int how)
{
	int code = sqlite3_wal_checkpoint_v2(
	    conn->sqlite, NULL, how, NULL, NULL);

	/* a reader outside: whoever is the last to close it copies the rest */
	return code == SQLITE_BUSY
		   ? 0
		   : sqlite_error(conn->sqlite, code, "copying the log");
}

int sqlite_mark_open(struct sqlite_db *db)
{
	unsigned char name[8];

	sqlite3_randomness(sizeof(name), name);
	hex_text(name, sizeof(name), db->session);
	int rc = commit(db, "open");
	db->marked = !rc;
	return rc ? rc : copy_all(db->writer, SQLITE_CHECKPOINT_PASSIVE);
}

int sqlite_mark_closed(struct sqlite_db *db)
{
	int rc = commit(db, "closed");

	if (!rc)
		rc = copy_all(db->writer, SQLITE_CHECKPOINT_PASSIVE);
	db->marked = rc != 0;
	return rc;
}
