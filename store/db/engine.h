/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_ENGINE_H
#define STORE_DB_ENGINE_H

/*
 * The seam between what all databases have in common (db.c, writer.c) and one
 * kind of database. Functions return 0 or -errno unless they say otherwise, and
 * log what an operator has to know.
 */
#include <pthread.h>

#include "store/db/db.h"

struct db_engine {
	/* --- a database that is not open: as in db.h --- */

	int (*check_path)(const char *path); /* or NULL */
	void (*wait_at_most)(int seconds);   /* or NULL */
	void (*each_needed)(
	    const char *path, db_needed_fn fn, void *arg); /* or NULL */
	const char *const *files;
	size_t (*path_max)(void);
	int (*directory)(const char *path, int *dir);
	int (*is_missing)(int dir, const char *path);
	bool (*has_lost_its_file)(int dir, const char *path);
	int (*check_missing)(int dir, const char *path);
	int (*remove)(int dir, const char *path);
	int (*publish)(int dir, const char *draft, const char *path);
	int (*lock)(int dir, const char *path, bool read_only, bool must_be_new,
	    int *fd);
	int (*hold)(int dir, const char *path, int *fd);
	int (*each_size)(int dir, const char *path,
	    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg);

	/* --- one that is open --- */

	/* Opens the database at `where`: sets db->handle and db->writer, and
	 * what db.h says of a copy. The rest as for db_open. close is called
	 * even if it failed. */
	int (*open)(struct db *db, int dir, const char *where, int flags);
	/* Called when no other thread uses the database. */
	void (*close)(struct db *db);

	/* This thread's connection for reading; never NULL. */
	struct db_conn *(*reader)(struct db *db);
	/* One snapshot for its queries, until view_end. */
	void (*view)(struct db_conn *conn);
	void (*view_end)(struct db_conn *conn);
	/* Calls fn for each row. Returns how many there were, or -errno. */
	int (*rows)(struct db_conn *conn, enum db_query query,
	    const struct db_value *args, db_row_fn fn, void *arg);
	/* A column of the present row. */
	int64_t (*integer)(const struct db_row *row, int column);
	bool (*null)(const struct db_row *row, int column);
	const void *(*blob)(const struct db_row *row, int column, size_t *len);
	/* Whether nobody else can have changed what is kept in memory; NULL:
	 * nobody can. */
	bool (*is_current)(const struct db *db);
	/* How many columns it has; a column with its type. What it points to is
	 * valid until the callback returns. */
	int (*columns)(const struct db_row *row);
	struct db_value (*value)(const struct db_row *row, int column);

	/* --- one thread at a time: see writer.c --- */

	/* Begins a transaction, if what is open is still what has its name, and
	 * fills the batch. This, run and commit may return -ERESTART: nothing
	 * is stored, but it may be if all of it is run again. */
	int (*begin)(struct db *db, struct db_batch *batch);
	/* Runs a statement without rows. Returns how many rows it changed, or
	 * what it assumes of one that cannot fail. */
	int (*run)(
	    struct db *db, enum db_query query, const struct db_value *args);
	/* Whether the transaction is there: some errors roll it back. */
	bool (*running)(const struct db *db);
	/* Finds out whether what it has assumed holds: of some job's statement
	 * it did not, if the answer is other than 0; or NULL. */
	int (*complete)(struct db *db);
	/* 0: all of it is durable; -ETIMEDOUT: that is not known. */
	int (*commit)(struct db *db);
	void (*rollback)(struct db *db); /* if there is a transaction */
	/* Before answers to what was committed: a secret that a job destroyed
	 * is gone now. */
	void (*settle)(struct db *db);
	void (*scrub)(struct db *db);
	/* Behind the answers. idle: nothing has come for a while. */
	void (*tidy)(struct db *db, bool idle);
	/* In how many ms tidy wants to be called again; 0: it does not. */
	int (*pause)(const struct db *db);
	/* Whether it wants to be called behind the next answers, even if more
	 * comes. */
	bool (*hurries)(const struct db *db);
	/* For a job that fills a database: references may precede what they
	 * name, and memory is used for speed. */
	int (*bulk)(struct db *db);

	int (*check)(struct db_conn *conn, enum db_check what,
	    db_fault_fn fault, void *arg);
};

/* What begins an engine's own. */
struct db_conn {
	struct db *db;
	bool viewing; /* between db_view and db_view_end */
};

struct db_row {
	const struct db_engine *engine;
};

struct db_task;
struct db_cache;

struct db {
	const struct db_engine *engine;
	void *handle; /* the engine's */
	bool read_only;
	char *incomplete;      /* see db_incomplete; freed here */
	int64_t recorded_last; /* see db_recorded_last */
	int64_t recorded_records;
	int again_ms; /* for how long a transaction that could not be finished
			 is run again; of the engine */
	int64_t deadline;	/* ticks: its end, whatever happens; 0: none */
	struct db_conn *writer; /* of whoever has the turn, see writer.c */
	bool changed;		/* by the present job */
	bool once;		/* the present job cannot be run again */
	struct db_cache *cache;

	pthread_mutex_t queue_lock;
	pthread_cond_t queued, room;
	struct db_task *first, **last;
	int posted;    /* of those, how many nobody waits for */
	int waiting;   /* threads that wait for a job of theirs */
	int64_t begun; /* ticks when the present turn began; 0: nobody has it */
	bool locked;   /* another program's lock was in their way */
	bool stopping;
	int64_t ended; /* ticks when the last turn did, */
	int pause;     /* and what the engine's pause was then */
	int64_t wakes; /* ticks when the writer's thread wakes by itself; 0: it
			  is awake */

	struct histogram commits;
	void *context;
	const struct db_hooks *hooks;
	void (*waits)(void); /* see db_set_waits */
	pthread_t thread;
	bool running;
};

extern const struct db_engine db_sqlite, db_pg;

/* The engine of the database at this path. */
const struct db_engine *db_engine_of(const char *path);

/* Whether the values are of the query's types: SQLite would take any. Returns 0
 * or -EIO, logged. */
int db_check_values(enum db_query query, const struct db_value *args);

/* For an engine, in a turn: another process has written, so that what this one
 * remembers of the database may be wrong. edits: more than counters. */
void db_others_wrote(struct db *db, bool edits);

/* For an engine's begin: sets the ids of a batch. highest: those of cert, grp,
 * prov_key, member and issued, 0 if there is none; deleted: the setting
 * last_id, or 0. */
enum { DB_NUMBERED = 5 };
void db_set_ids(struct db_batch *batch, const int64_t highest[DB_NUMBERED],
    int64_t deleted);

/* Starts the writer's thread; ends it when everything queued is done. */
int db_writer_start(struct db *db);
void db_writer_stop(struct db *db);

#endif
