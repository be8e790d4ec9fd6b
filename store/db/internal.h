/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_INTERNAL_H
#define STORE_DB_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "store/db/db.h"
#include "store/db/sqlite/vfs.h"

/* No operation waits longer than this for SQLite's own locks (checkpoint,
 * recovery). */
enum { DB_BUSY_MS = 2000 };

struct db_conn {
	sqlite3 *sqlite;
	bool none; /* of this thread's own: it asks its db's spare */
	sqlite3_stmt *statement[DB_QUERIES]; /* prepared at first use */
	bool scrub;	    /* the log may hold what a job destroyed */
	int frames, copied; /* in the log after the last commit; of those, how
			       many are copied */
	int64_t retry; /* not to be emptied before this moment: a reader was in
			  the way */
	int pause;     /* ms without work until what is in the log is copied */
	struct db *db;
	struct db_conn *next;
};

struct db_row {
	sqlite3_stmt *statement;
};

struct db_job;

enum { DB_FILES = 3 }; /* the store, its write-ahead log, the index of that */

struct db {
	char *path;
	bool read_only;
	enum db_vfs vfs;
	bool made;   /* the file was not there */
	bool marked; /* it says that it is open, see mark.c */
	char session[17], base[17];
	int64_t recorded_last;
	char *incomplete; /* what is wrong with the copy of a store that this
			     is, or NULL */
	struct db_file {
		dev_t device;
		ino_t inode; /* 0: there was none */
	} files[DB_FILES];
	pthread_key_t reader;
	bool have_reader_key;

	/* For threads that cannot have a connection of their own, one at a
	 * time; a query's rows may ask another. Open from the start: no
	 * descriptor and no file has to be had for it. */
	pthread_mutex_t spare_lock;
	struct db_conn *spare;
	int64_t retry; /* none of their own before this moment: that has failed */

	/* Two locks, never held at once. */
	pthread_mutex_t readers_lock;
	struct db_conn *readers; /* all of them, for db_close */

	pthread_mutex_t queue_lock;
	pthread_cond_t queued, room;
	struct db_job *first, **last;
	int posted;    /* of those, how many nobody waits for */
	int waiting;   /* threads that wait for a job of theirs */
	int64_t begun; /* ticks: when the present jobs were taken; 0: there are
			  none */
	bool locked; /* another program's lock was in the way of the last ones */
	bool stopping;

	struct histogram commits;
	void *context;
	const struct db_hooks *hooks;
	struct db_conn *writer; /* its thread's alone once that runs */
	pthread_t thread;
	bool running;
};

/* The one place where SQLite's codes become ours; logs what is a failure.
 * `doing` names it. */
int db_error(sqlite3 *sqlite, int code, const char *doing);

/* Whether that was for want of space. */
bool db_is_full(sqlite3 *sqlite, int code);

/* Opens a connection with everything set that every connection has. */
int db_connect(
    const char *path, int flags, enum db_vfs vfs, struct db_conn **out);
void db_disconnect(struct db_conn *conn);

/* Statements that are text from the schema, not queries. */
int db_exec(struct db_conn *conn, const char *sql);
int db_pragma_int(struct db_conn *conn, const char *sql, int64_t *out);

/* The schema as the steps that made it: steps.c. */
extern const char *const db_steps[];
extern const int db_steps_count;

/* Checks whose file this is, and migrates its tables, or makes those of a file
 * that is new. */
int db_schema(struct db_conn *conn, const struct db *db);

/*
 * mark.c: what a store's main file says of itself. db_mark_check comes before
 * anything else opens the files and changes nothing; flags as for db_open. The
 * others are for the writer's connection: they commit the mark and copy it into
 * the main file. 0 or -errno.
 */
int db_mark_check(struct db *db, int flags);
int db_mark_open(struct db *db);
int db_mark_closed(struct db *db);

/* Device and inode of the i-th of DB_FILES; inode 0: missing. */
struct db_file db_file_at(const char *path, int i);

/*
 * Whether the files that are open are those that have their names: what is
 * written to others is lost when they are closed. NULL, or what is gone, in
 * words.
 */
const char *db_gone(const struct db *db);

/* Starts the writer's thread; ends it when everything queued is done. */
int db_writer_start(struct db *db);
void db_writer_stop(struct db *db);

#endif
