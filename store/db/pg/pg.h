/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_PG_PG_H
#define STORE_DB_PG_PG_H

/*
 * The PostgreSQL engine; what its files share.
 *
 * The batches of all hosts run one after the other: each begins with an UPDATE,
 * as a statement of its own, of the one row of `batch`, which is locked until
 * the end. What was written for SQLite's single writer then holds unchanged.
 * That row also has the moment of the batch and its number, by which a host
 * knows whether another one has written; and `host` has, of each daemon, the
 * number of its last batch, which says after a lost connection whether that was
 * committed.
 */
#include <pthread.h>

#include "store/base/bytes.h"
#include "store/db/engine.h"
#include "store/db/pg/library.h"

/* An answer that only tells whether others have written is not waited for as
 * long as others: jobs wait meanwhile. */
enum { PG_POLL_TIMEOUT_MS = 1000, PG_POLL_MS = 250 };

/* Statements whose answers are read together, and bytes of them: libpq begins
 * to send at 8 KiB, and a host that stops before it has sent all would not be
 * timed out. */
enum { PG_QUEUE = 32, PG_QUEUE_BYTES = 8000 };

/* At most, in a URI. */
enum { PG_HOSTS = 8 };

/* For how long after a poll rows in memory are used. */
enum { CURRENT_MS = 500 };

/* A connection to the server. */
struct pg_link {
	PGconn *pg;
	bool prepared[DB_QUERIES];
	unsigned int generation; /* see pg_db */
	int cursors;		 /* open ones */
	bool warned;		 /* a WARNING came since this was reset */
	bool writes;	 /* if it is lost, its transaction is run again */
	int patience_ms; /* how long an answer is waited for, */
	const int64_t *deadline; /* but not past this; NULL, or 0 in it: none */
	enum db_query queue[PG_QUEUE]; /* see pipeline.c */
	int queued;
	size_t bytes;	      /* of what is queued */
	bool wrong;	      /* an assumption did not hold */
	struct pg_link *next; /* in the pool */
};

/* What a thread reads with; it has a link only while it needs one. */
struct pg_conn {
	struct db_conn base;
	struct pg_link *link;
	int uses;     /* queries that run */
	bool in_view; /* keeps the link, which has a transaction; */
	bool no_view; /* or there is none, and its queries fail */
};

struct pg_row {
	struct db_row base;
	PGresult *result;
	int at;
};

/* Links of readers. */
enum { PG_POOL = 8 };

struct pg_db {
	struct db *db;
	char *path;	      /* for messages */
	char *where, *schema; /* see pg_where, pg_schema */
	bool read_only;
	struct pg_conn writer; /* its link stays */
	char instance[33];     /* this daemon, in `host` */
	int64_t number;	       /* of the present batch, */
	bool edits;	       /* it changes more than counters; */
	int64_t analyzed;      /* when the tables were looked at; */
	int64_t seen;	       /* of the last one of any that it knows of */
	int64_t polled;	       /* ticks when that was known; 0: not yet */

	pthread_key_t reader;
	bool have_reader_key;
	pthread_mutex_t pool_lock;
	pthread_cond_t returned;
	struct pg_link *idle;
	int links;		 /* of the pool, idle or not */
	int64_t refuse;		 /* ticks; no new link before: one has failed */
	unsigned int generation; /* of links: those from before the writer
				    reconnected may be to another server */
};

/* --- uri.c --- */

/* Splits a path: *where is what libpq takes, *suffix what is behind `#`, or
 * empty. The caller frees *where. NULL: no memory. */
char *pg_where(const char *path, const char **suffix);

/* The options of a URI, to be freed with PQconninfoFree. NULL: it is none;
 * logged. */
PQconninfoOption *pg_uri_parse(const char *path);

/* The value of a keyword; empty: none. */
const char *pg_uri_value(const PQconninfoOption *options, const char *keyword);

/* How many parts a list between commas has; its n-th one. */
int pg_uri_parts(const char *list);
void pg_uri_part(const char *list, int n, char *out, size_t size);

/* Functions of the engine. */
int pg_check_path(const char *path);
void pg_each_needed(const char *path, db_needed_fn fn, void *arg);

/* --- place.c --- */

/*
 * A store is in a schema of a database. Its path is a connection URI; a draft's
 * has `#` and a suffix behind it, which is also behind the name of the schema.
 */
extern const char *const pg_files[];
size_t pg_path_max(void);
int pg_directory(const char *path, int *dir);
int pg_is_missing(int dir, const char *path);
bool pg_has_lost_its_file(int dir, const char *path);
int pg_check_missing(int dir, const char *path);
int pg_remove(int dir, const char *path);
int pg_publish(int dir, const char *draft, const char *path);
int pg_lock(
    int dir, const char *path, bool read_only, bool must_be_new, int *fd);
int pg_hold(int dir, const char *path, int *fd);
int pg_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg);

/* Appends the name of the link's schema, a suffix and a NUL. Returns 0, -ENOENT
 * (there is none) or -errno, logged. */
int pg_schema(struct pg_link *link, const char *suffix, struct bytes *out);

/* Makes a draft's schema. Has the link work in this one. */
int pg_make_draft(struct pg_link *link, const char *schema);
int pg_use_schema(struct pg_link *link, const char *schema);

/* --- connect.c --- */

/* How long an answer is waited for, at most. */
extern int pg_patience_ms;
void pg_wait_at_most(int seconds);

/* Connects, waits at most so long, and sets what all links have in common; the
 * link's patience is then pg_patience_ms. Returns 0 or -errno, logged. */
int pg_connect(const char *where, int patience_ms, struct pg_link **out);

/* --- resolve.c --- */

enum { PG_ADDRESSES = 32 };

struct pg_addresses {
	int n;
	char text[PG_ADDRESSES][64]; /* as of getnameinfo(3) */
};

/* Looks up the addresses of a host, until `until` in ticks. Returns 0, or an
 * error that pg_resolve_error has the text of. Before pg_resolve_beside, the
 * process has to have one thread. */
void pg_resolve_beside(void);
int pg_resolve(const char *host, int64_t until, struct pg_addresses *out);
const char *pg_resolve_error(int error);

/* --- link.c --- */

void pg_disconnect(struct pg_link *link); /* NULL is permitted */

/* Waits until the socket is ready, or `until` in ticks. Returns 0 or
 * -ETIMEDOUT. */
int pg_wait_for(const PGconn *pg, short events, int64_t until);

/* Logs that the server does not answer, once in a while: every thread notices.
 * Returns -EIO. */
int pg_say_lost(const char *doing, const char *why);

/* Waits for the answer to what was sent, until `until` in ticks. NULL: there is
 * none any more, or it did not come: then the link is lost. */
PGresult *pg_next(struct pg_link *link, int64_t until);

/* Whether the link can be used no more. */
bool pg_is_lost(const struct pg_link *link);

/* The one place where PostgreSQL's errors become -errno; logs failures.
 * `doing` names what failed. -ERESTART: the transaction is void, and may
 * succeed if it is run again; of links that write only. */
int pg_error(struct pg_link *link, const PGresult *result, const char *doing);

/* Ticks until when an answer is waited for from now on. */
int64_t pg_until(const struct pg_link *link);

/* --- run.c --- */

/* Runs SQL text: all statements of it. Returns 0 or -errno, logged. */
int pg_exec(struct pg_link *link, const char *sql);

/* The same; calls fn with the first row of each statement that has rows. */
int pg_exec_rows(struct pg_link *link, const char *sql,
    int (*fn)(int statement, const PGresult *row, void *arg), void *arg);

/* `rows` and `run` of the engine, on a link; *rows counts those that fn was
 * called with. Returns 0 or -errno. */
int pg_rows(struct pg_link *link, const struct db_engine *engine,
    enum db_query query, const struct db_value *args, db_row_fn fn, void *arg,
    int *rows);
int pg_run(
    struct pg_link *link, enum db_query query, const struct db_value *args);

/* The same for a statement whose outcome is assumed (pipeline.c). */
int pg_run_assumed(
    struct pg_link *link, enum db_query query, const struct db_value *args);

int64_t pg_integer(const struct db_row *row, int column);
bool pg_null(const struct db_row *row, int column);
const void *pg_blob(const struct db_row *row, int column, size_t *len);
int pg_columns(const struct db_row *row);
struct db_value pg_value(const struct db_row *row, int column);

/* --- pipeline.c --- */

bool pg_is_assumed(enum db_query query);

/* Notes that the statement was sent, in pipeline mode, and reads the answers if
 * there are enough. bytes: of its values. Returns as pg_settle. */
int pg_enqueue(struct pg_link *link, enum db_query query, size_t bytes);

/* Reads the answers to what is queued, and leaves pipeline mode. Returns 0 or
 * -errno: one has failed, or was assumed wrongly; the transaction has to be
 * rolled back. */
int pg_settle(struct pg_link *link);

/* The parts of pg_settle; in between, the answer to a query that was sent last
 * is read. */
int pg_take_queued(struct pg_link *link);
int pg_end_pipeline(struct pg_link *link);

/* --- schema.c --- */

/* The number of the present schema. */
int pg_schema_version(void);

/* Makes the tables of a new store. Returns 0 or -errno, logged. */
int pg_make_tables(struct pg_link *link);

/* Whether a schema has a store's tables, of the present version; may bring them
 * up to date. Returns 0, -EINVAL (of another version) or -errno, logged. */
int pg_check_version(struct pg_link *link, const char *path, bool may_upgrade);

/* `check` of the engine. */
int pg_check(
    struct db_conn *conn, enum db_check what, db_fault_fn fault, void *arg);

/* --- batch.c: functions of the engine --- */

int pg_begin(struct db *common, struct db_batch *batch);
int pg_run_in_batch(
    struct db *common, enum db_query query, const struct db_value *args);
bool pg_running(const struct db *common);
int pg_complete(struct db *common);
int pg_commit(struct db *common);
void pg_rollback(struct db *common);
void pg_tidy(struct db *common, bool idle);
bool pg_is_current(const struct db *common);
int pg_poll_again(const struct db *common);
int pg_bulk(struct db *common);

/* Has the writer use this link. Returns 0 or -errno, logged. */
int pg_set_writer(struct pg_db *db, struct pg_link *link);

/* --- pool.c --- */

/* pg_connect to the store's schema, and read-only if the store is. */
int pg_connect_to(const struct pg_db *db, int patience_ms, struct pg_link **out);

/* The link of a connection, to be given back with pg_release. NULL: none is to
 * be had; logged. */
struct pg_link *pg_acquire(struct pg_conn *conn);
void pg_release(struct pg_conn *conn);

#endif
