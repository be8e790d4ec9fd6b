/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_DB_H
#define STORE_DB_DB_H

/*
 * The fence around SQLite. Above it there are queries with names (query.h),
 * values, rows and jobs. Every function that can fail answers 0 or more, or
 * -errno: ENOSPC (disk full), EROFS, EEXIST (a name is taken), EBUSY (another
 * program's lock), ENOMEM, EIO; what an operator has to know is logged here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/base/histogram.h"
#include "store/db/query.h"

struct db;
struct db_conn; /* one thread's connection */
struct db_row;	/* the present row of a query; valid in the callback only */

/* --- values --- */

struct db_value {
	enum { DB_END, DB_NULL, DB_INTEGER, DB_STRING, DB_BYTES } type;
	int64_t i;
	const void *p;
	size_t n;
};

#define DB_NIL ((struct db_value){.type = DB_NULL})
#define DB_INT(x) ((struct db_value){.type = DB_INTEGER, .i = (x)})
#define DB_TEXT(s) ((struct db_value){.type = DB_STRING, .p = (s)})
#define DB_BLOB(d, len) \
	((struct db_value){.type = DB_BYTES, .p = (d), .n = (len)})
/* The values of ?1, ?2 ... in order; bound without being copied. */
#define DB_ARGS(...) ((const struct db_value[]){__VA_ARGS__, {.type = DB_END}})

/* --- a store's file --- */

enum {
	DB_CREATE = 1,
	DB_READ_ONLY = 2,
	DB_ACCEPT_OLDER = 4, /* a copy that says of itself that its end is
				missing, too */
	DB_UPGRADE = 16, /* a database that other programs may use: bring its
			    schema up to date. A file's always is */
	DB_AS_IT_IS = 8, /* with DB_READ_ONLY: whatever is wrong with a copy */
};

/* --- its files --- */

/*
 * A store's directory is opened once. The functions below take it as `dir`,
 * with the path of the database or of a draft beside it. They look up the last
 * component of the path in dir; the rest is for messages. So what is made or
 * mounted in the directory's place is neither read nor changed. With AT_FDCWD
 * they look up the whole path.
 *
 * Opens the directory of a path from path_absolute. *dir is AT_FDCWD where the
 * engine cannot reach its files through a descriptor (no /proc). Returns 0 or
 * -errno, logged.
 */
int db_directory(const char *path, int *dir);

/* Whether the path is that of a database on a server: postgresql://HOST/NAME.
 * It has no files, and all functions ignore dir. */
bool db_is_server(const char *path);

/* Whether a path can be that of a database: no password is in a URI, which
 * others see in the list of processes, and who answers is verified. Returns 0
 * or -EINVAL, logged. */
int db_check_path(const char *path);

/* How long, at most, a database on a server is waited for, instead of 10
 * seconds; before any is opened. */
void db_wait_at_most(const char *path, int seconds);

/* Calls fn with each file, that is there, that the engine needs beside the
 * database's own: passwords, certificates, the server's socket; and, with NULL,
 * for each TCP port that it connects to. */
typedef void (*db_needed_fn)(const char *file, int port, void *arg);
void db_each_needed(const char *path, db_needed_fn fn, void *arg);

/* The suffixes of its files, the empty one first; NULL at the end. */
const char *const *db_files(const char *path);

/* Returns 1 if nothing has this name, 0, or -errno, logged, if that cannot be
 * said. */
int db_is_missing(int dir, const char *path);

/* Nothing has this name, but files beside it have what was in it. */
bool db_has_lost_its_file(int dir, const char *path);

/* Returns 0, or -EEXIST, logged, if db_has_lost_its_file. */
int db_check_missing(int dir, const char *path);

/* Removes a database. Returns 0 or -errno. */
int db_remove(int dir, const char *path);

/* Renames a database that is closed, and syncs that. Returns 0, -EEXIST or
 * -errno, logged. */
int db_publish(int dir, const char *draft, const char *path);

/*
 * Locks a database against other daemons, with a file beside the database that
 * stays: removing it would let two daemons lock two files. Waits for a daemon
 * that is about to end, at most 2 s. *fd is the lock; -1 on a read-only store
 * whose disk takes no file. Returns 0, -EBUSY, -EEXIST (must_be_new), -ENOENT,
 * -EINVAL (no regular file, hard links) or -errno of open(2), logged.
 */
int db_lock(
    int dir, const char *path, bool read_only, bool must_be_new, int *fd);

/* Locks the database's file itself, as the lock file can be removed. Close *fd
 * after db_close: that would end the engine's locks. Returns as db_lock. */
int db_hold(int dir, const char *path, int *fd);

/* Calls fn with name and size of each file, until it returns other than 0. */
int db_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg);

/* How long a database's path may be: SQLite keeps room for "-journal" behind
 * it. */
size_t db_path_max(const char *path);

/*
 * Opens the file and brings its schema up to date; with DB_CREATE makes it if
 * it is missing. A file that is there is never taken for new. -ENOENT; -EINVAL
 * if it is empty, something else or of a later version; -EUCLEAN: a copy
 * without its write-ahead log, or with another's; -EBUSY: another program has
 * it locked; -ENOSPC. Starts the writer's thread, so a program that forks does
 * so before.
 *
 * With DB_READ_ONLY no file is made or changed, and no block of the disk is
 * needed. dir is duplicated; db_close closes the copy.
 */
int db_open(int dir, const char *path, int flags, struct db **out);

/* The number of the last line of the audit trail as the store itself recorded
 * it when it was last opened or closed; 0: it did not. */
int64_t db_recorded_last(const struct db *db);

/* The same of the last record of the journal. */
int64_t db_recorded_records(const struct db *db);

/* What is wrong with the copy of a store that was opened, in words for people,
 * or NULL. */
const char *db_incomplete(const struct db *db);

/*
 * Waits for what was submitted, copies the write-ahead log into the main file
 * and closes all connections. No other thread may use them any more.
 */
void db_close(struct db *db);

/*
 * What is given to the jobs of one transaction: they read no clock, and ask for
 * no id that the database has chosen.
 */
struct db_batch {
	int64_t now; /* ns since 1970 */
	int64_t next_id[DB_KINDS];
	int64_t last_id[DB_KINDS]; /* the highest that there is */
};

/*
 * What the store wants to know of jobs, in the thread that runs them. begin and
 * end stand around each job; end is given its answer and returns it, or -errno,
 * which undoes the job. before and changed stand around statements with an
 * effect (query.h), the latter if rows were changed. lost: the transaction was
 * rolled back, with all its jobs. others: another process has changed the
 * database: maybe anything in it, or, without edits, only counters, and what an
 * enrollment or a revocation adds; also between jobs.
 */
struct db_hooks {
	void (*begin)(struct db_conn *conn);
	int (*end)(struct db_conn *conn, const struct db_batch *batch, int rc);
	int (*before)(
	    struct db_conn *conn, const struct db_effect *effect, int64_t id);
	int (*changed)(
	    struct db_conn *conn, const struct db_effect *effect, int64_t id);
	void (*lost)(void *context);
	void (*others)(void *context, bool edits);
};

/*
 * Sets what is called behind each commit, before anybody has an answer, for each
 * member whose row (DB_MEMBER_GET) it has changed but for what the row shows of
 * its group, key and certificate. 0: any of them may have changed. Called by
 * the thread that runs jobs, which others wait for. Before the first job.
 */
typedef void (*db_member_fn)(int64_t member, void *arg);
void db_on_member(struct db *db, db_member_fn fn, void *arg);

/* Sets what jobs ask for with db_context, and the hooks, which have to stay; or
 * NULL. Before the first job. */
void db_set_context(struct db *db, void *context, const struct db_hooks *hooks);
void *db_context(const struct db_conn *conn);

/* Sets what db_submit calls before it waits; or NULL. Before the first job. */
void db_set_waits(struct db *db, void (*waits)(void));

/* How long commits take. */
const struct histogram *db_commits(const struct db *db);

/* --- reading --- */

/* This thread's read-only connection, made at its first use. Never NULL: a
 * thread that cannot have one (no descriptor, no memory, no file under that
 * name) shares one with others. */
struct db_conn *db_reader(struct db *db);

/* db_reader, and from here to db_view_end all queries of this thread see the
 * store at one moment, if that is to be had. Meanwhile the thread waits for
 * nothing. Views do not nest. */
struct db_conn *db_view(struct db *db);
void db_view_end(struct db_conn *conn);

/* Called for each row: 0 to go on, 1 to stop, -errno to fail with. May run
 * other queries, but waits neither for the writer nor for a lock under which
 * others read: its connection may be shared. */
typedef int (*db_row_fn)(const struct db_row *row, void *arg);

/*
 * Runs a query over its rows. Returns 0, what fn failed with, or -errno. No
 * transaction outlives it. A row that may be kept (DB_KEPT in query.h) can come
 * from memory, but not in a job or a view.
 */
int db_each(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg);

/* db_each of the first row alone; `none` is returned if there is none. */
int db_one(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg, int none);

/* db_one, if the row is in memory (cache.h); `none` is returned if it is not.
 * It reads no database, so it takes the same time as long as nothing is
 * found. */
int db_kept(struct db *db, enum db_query query, int64_t id, db_row_fn fn,
    void *arg, int none);

/* Has the row read from the database the next time. */
void db_forget(struct db *db, enum db_query query, int64_t id);

/* Returns 1 if the query has a row, 0 if it has none, or -errno. */
int db_exists(
    struct db_conn *conn, enum db_query query, const struct db_value *args);

/* Row functions: read the first column into an int64_t; append it to a struct
 * bytes. */
int db_read_int(const struct db_row *row, void *arg);
int db_read_blob(const struct db_row *row, void *arg);

int64_t db_int(const struct db_row *row, int column); /* 0 if NULL */
bool db_is_null(const struct db_row *row, int column);
/* Text, cut to size - 1 bytes; empty if NULL. */
void db_text(const struct db_row *row, int column, char *out, size_t size);
/* A blob or text as it is, NULL if NULL; valid until the callback returns. */
const void *db_blob(const struct db_row *row, int column, size_t *len);

/* --- writing --- */

/* A step of a job, with the writer's connection. Returns 0 or more, or -errno:
 * nothing of the job is stored. */
typedef int (*db_job_fn)(
    struct db_conn *conn, struct db_batch *batch, void *arg);

/*
 * A job has two steps. claim is one statement that decides everything
 * conditional (db_must_change): no row means refused, and the caller reads what
 * the reason is afterwards. record stores what follows from the claim. A job
 * without a claim looks at the store itself: for what people do, not machines.
 *
 * A refusal comes before the job changes anything. If a job fails behind a
 * change, the transaction is void and its jobs are run one by one: a job may
 * run twice, so it keeps no state and consumes nothing of its argument.
 */
struct db_job {
	db_job_fn claim; /* or NULL */
	db_job_fn record;
};

/*
 * Runs the job, in this thread or the writer's, and waits until it is on disk.
 * Jobs that wait together are committed together. Answers what the job did, or
 * why the commit failed: then nothing of it has happened. -EROFS on a read-only
 * store; -EBUSY if another program holds its lock, or the disk has not answered
 * for a while and enough threads wait for it already; -ETIMEDOUT: whether it
 * happened is not known, as a server does not answer. *arg may say what the job
 * found out, but that counts only if the answer is not negative.
 */
int db_submit(struct db *db, const struct db_job *job, void *arg);

/*
 * The same without waiting: for what is worth a record but not a delay. arg is
 * freed behind it. When too many wait, or on a read-only store, it is dropped.
 */
void db_post(struct db *db, const struct db_job *job, void *arg);

/* In a job: the id of a new row. */
int64_t db_new_id(struct db_batch *batch, enum db_kind kind);

/* In a job: runs a statement without rows. Returns how many rows it changed, or
 * -errno. */
int db_run(
    struct db_conn *conn, enum db_query query, const struct db_value *args);

/* db_run, however many rows it changes. Returns 0 or -errno. */
int db_change(
    struct db_conn *conn, enum db_query query, const struct db_value *args);

/* db_run of a conditional statement. Returns 0, `none` if it changed no row, or
 * -errno. */
int db_must_change(struct db_conn *conn, enum db_query query,
    const struct db_value *args, int none);

/* In a job that destroyed a secret: empty the write-ahead log once this is
 * committed, before it is answered, or, while a reader outside is in the way,
 * as soon as that has gone. */
void db_scrub(struct db_conn *conn);

/* In a job that fills a new store: references may precede what they name until
 * it ends, and memory is used for speed. Returns 0 or -errno. */
int db_bulk(struct db_conn *conn);

/* --- checking --- */

enum db_check {
	DB_CHECK_FILE,	 /* whether it can be read, and its indexes fit */
	DB_CHECK_SCHEMA, /* tables, views, indexes and triggers */
	DB_CHECK_LINKS,	 /* references to rows that are missing, ids that would
			    be given again */
};

/* Called for each fault, with a line for people; of the schema, with what is
 * missing or another one, as `table cert`. 0 to go on, or -errno. */
typedef int (*db_fault_fn)(const char *what, void *arg);

/* Returns 0, what fault failed with, or -errno. */
int db_check(
    struct db_conn *conn, enum db_check what, db_fault_fn fault, void *arg);

#endif
