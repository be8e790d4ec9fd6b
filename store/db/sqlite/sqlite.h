/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_SQLITE_SQLITE_H
#define STORE_DB_SQLITE_SQLITE_H

/* The SQLite engine; what its files share. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "store/db/engine.h"
#include "store/db/sqlite/vfs.h"

/* No operation waits longer than this for SQLite's own locks (checkpoint,
 * recovery). */
enum { SQLITE_BUSY_MS = 2000 };

/* Statements of the writer that are no queries. */
enum sqlite_control {
	CONTROL_BEGIN,
	CONTROL_COMMIT,
	CONTROL_ROLLBACK,
	CONTROL_VIEW,
	CONTROL_IDS,
	CONTROLS
};

struct sqlite_conn {
	struct db_conn base;
	sqlite3 *sqlite;
	bool in_view; /* it has a transaction for the view */
	bool none; /* stands for a connection of this thread's: use the spare */
	/* prepared at first use */
	sqlite3_stmt *statement[DB_QUERIES], *control[CONTROLS];
	struct sqlite_conn *next;
};

struct sqlite_row {
	struct db_row base;
	sqlite3_stmt *statement;
};

enum { SQLITE_FILES = 3 }; /* the store, its write-ahead log, its index */

struct sqlite_file {
	dev_t device;
	ino_t inode; /* 0: there was none */
};

/* See watch.c; the writer's. */
struct sqlite_watch {
	int events, mounts; /* descriptors; -1: nothing is watched */
	int64_t looked;	    /* ticks when all was in place; 0: it was not */
};

/* The state of the write-ahead log; the writer's. */
struct sqlite_wal {
	bool anew;	  /* it is empty, or the next change begins it anew */
	bool marked;	  /* the present transaction has the mark */
	bool scrub;	  /* may have what a job destroyed */
	int frames;	  /* in it after the last commit */
	int checkpointed; /* of those, how many are in the main file */
	int64_t retry;	  /* ticks; not to be truncated before: a reader is in
			     the way */
	int pause;	  /* ms without work until the next checkpoint */
};

struct sqlite_db {
	struct db *db;
	int dir;    /* see db_directory */
	char *path; /* for messages */
	char *name; /* see sqlite_name */
	bool read_only;
	enum db_vfs vfs;
	bool made;   /* the file was not there */
	bool marked; /* it says that it is open, see mark.c */
	char session[17], base[17];
	char mark[96];	    /* as it was written; empty: not yet */
	unsigned int marks; /* how often again */
	struct sqlite_file files[SQLITE_FILES];
	struct sqlite_watch watch;
	struct sqlite_conn *writer;
	struct sqlite_wal wal;
	pthread_key_t reader;
	bool have_reader_key;

	/* For threads that cannot have a connection of their own, one at a
	 * time; a row function may ask it again. Open from the start, so that
	 * it takes no descriptor and no file then. */
	pthread_mutex_t spare_lock;
	struct sqlite_conn *spare;
	int64_t retry; /* ticks; no new connection before: one has failed */

	/* These two locks are never held at once. */
	pthread_mutex_t readers_lock;
	struct sqlite_conn *readers; /* all of them, for close */
};

/* --- conn.c --- */

/* The one place where SQLite's codes become -errno; logs failures. `doing`
 * names what failed. */
int sqlite_error(sqlite3 *sqlite, int code, const char *doing);

/* Whether that was for want of space. */
bool sqlite_is_full(sqlite3 *sqlite, int code);

/* Opens a connection with the settings that all connections have. name: from
 * sqlite_name. */
int sqlite_connect(
    const char *name, int flags, enum db_vfs vfs, struct sqlite_conn **out);
void sqlite_disconnect(struct sqlite_conn *conn); /* NULL is permitted */

/* Runs SQL text; reads the first column of the first row, if there is one. */
int sqlite_exec(struct sqlite_conn *conn, const char *sql);
int sqlite_int(struct sqlite_conn *conn, const char *sql, int64_t *out);

/* --- run.c --- */

/* `rows` and `run` of the engine, on a connection. */
int sqlite_rows(struct sqlite_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg);
int sqlite_run(
    struct sqlite_conn *conn, enum db_query query, const struct db_value *args);
int sqlite_control(struct sqlite_conn *conn, enum sqlite_control which);

/* In a transaction: the ids behind those that were given, so that none is given
 * again. Rows stay; whoever deletes some notes the highest id of all tables in
 * the setting last_id, as decimal digits. */
int sqlite_next_ids(struct sqlite_conn *conn, struct db_batch *batch);

int64_t sqlite_integer(const struct db_row *row, int column);
bool sqlite_null(const struct db_row *row, int column);
const void *sqlite_blob(const struct db_row *row, int column, size_t *len);
int sqlite_columns(const struct db_row *row);
struct db_value sqlite_value(const struct db_row *row, int column);

/* --- steps.c, schema.c --- */

extern const char *const db_steps[];
extern const int db_steps_count;

/* Checks whose file this is, and migrates it, or makes the tables of a new
 * one. */
int sqlite_migrate(struct sqlite_conn *conn, const struct sqlite_db *db);

/* `check` of the engine. */
int sqlite_check(
    struct db_conn *conn, enum db_check what, db_fault_fn fault, void *arg);

/* --- mark.c: what a store's main file says of itself --- */

/* Before anything else opens the files; changes nothing. Flags as for
 * db_open. */
int sqlite_mark_check(struct sqlite_db *db, int flags);

/* On the writer's connection: commit the mark and checkpoint it. */
int sqlite_mark_open(struct sqlite_db *db);
int sqlite_mark_closed(struct sqlite_db *db);

/* In a transaction that begins the log anew: writes the same mark again.
 * Returns 0 or -errno, logged. */
int sqlite_mark_again(struct sqlite_db *db);

/* --- file.c --- */

/* Functions of the engine. */
extern const char *const sqlite_files[];
int sqlite_directory(const char *path, int *dir);
int sqlite_is_missing(int dir, const char *path);
bool sqlite_has_lost_its_file(int dir, const char *path);
int sqlite_check_missing(int dir, const char *path);
int sqlite_remove(int dir, const char *path);
int sqlite_publish(int dir, const char *draft, const char *path);
int sqlite_replace(int dir, const char *draft, const char *path);
int sqlite_lock(
    int dir, const char *path, bool read_only, bool must_be_new, int *fd);
int sqlite_hold(int dir, const char *path, int *fd);
int sqlite_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg);

/* The name for SQLite of a database, see file.c. The caller frees it. NULL: no
 * memory. */
char *sqlite_name(int dir, const char *path);

/* fstatat(2) of the database's file with this suffix; links are not followed,
 * as SQLite does not follow them. */
int sqlite_stat(int dir, const char *path, const char *suffix, struct stat *st);

/* Makes the main file, empty. False if it is there, or cannot be made; errno. */
bool sqlite_make(int dir, const char *path);

/* Notes which files are open. */
void sqlite_remember(struct sqlite_db *db);

/*
 * NULL if the open files are those that have their names, so that what is
 * written to them stays; else what is gone, in words. They are looked up in the
 * directory that was opened, even if it has been renamed: what counts is that
 * the files can be found there later, not that the path still leads to them.
 */
const char *sqlite_gone(const struct sqlite_db *db);

/* --- watch.c --- */

/* Has the kernel say when a file may be gone; ends that. */
void sqlite_watch(struct sqlite_db *db);
void sqlite_unwatch(struct sqlite_db *db);

/* sqlite_gone, around transactions: looks only if there is a reason. */
const char *sqlite_gone_now(struct sqlite_db *db);

/* --- copy.c: a function of the engine --- */

int sqlite_copy(struct db *common, const char *draft);

/* --- wal.c: functions of the engine --- */

void sqlite_wal_begin(struct sqlite_db *db);
void sqlite_settle(struct db *db);
void sqlite_tidy(struct db *db, bool idle);
int sqlite_pause(const struct db *db);
bool sqlite_hurries(const struct db *db);
void sqlite_scrub(struct db *db);

#endif
