/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* Batches: one transaction each, of all hosts one after the other. */

/* A transaction of a host that has stopped must not keep the others waiting:
 * the server ends it. */
int pg_set_writer(struct pg_db *db, struct pg_link *link)
{
	link->writes = true;
	link->deadline = &db->db->deadline;
	db->writer.link = link;
	return pg_exec(link, "SET idle_in_transaction_session_timeout = '2s'");
}

static struct pg_link *writer(const struct db *common)
{
	return ((struct pg_db *)common->handle)->writer.link;
}

/* What a batch begins with. */
struct beginning {
	struct db_batch *batch;
	int64_t number, last; /* of this batch; of this daemon's last one */
	int64_t schema, edited;
};

static int64_t number_at(const PGresult *row, int column)
{
	return strtoll(pq.PQgetvalue(row, 0, column), NULL, 10);
}

/* The answers to the statements of begin_batch, by their number in it. */
static int read_beginning(int statement, const PGresult *row, void *arg)
{
	struct beginning *b = arg;
	int64_t highest[DB_NUMBERED];

	if (statement == 1) {
		b->number = number_at(row, 0);
		b->batch->now = number_at(row, 1);
		b->schema = number_at(row, 2);
		b->edited = number_at(row, 3);
		return 0;
	}
	b->last = number_at(row, 0);
	for (int i = 0; i < DB_NUMBERED; i++)
		highest[i] = number_at(row, 1 + i);
	db_set_ids(b->batch, highest, number_at(row, 1 + DB_NUMBERED));
	return 0;
}

/*
 * The lock is a statement of its own: those behind it see what the batches
 * before have committed, which its own snapshot, taken before it waited, does
 * not. Moments only increase, whatever the server's clock does. mark: the
 * statement that notes the batch in `host`, or empty.
 */
static int begin_batch(struct pg_db *db, struct beginning *b, const char *mark)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
	    "BEGIN ISOLATION LEVEL READ COMMITTED; "
	    "UPDATE batch SET number = number + 1, at = greatest(at + 1, "
	    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000) "
	    "RETURNING number, at, schema, edited; "
	    "SELECT coalesce((SELECT batch FROM host WHERE instance = '%s'), 0), "
	    "(SELECT max(id) FROM cert), (SELECT max(id) FROM grp), "
	    "(SELECT max(id) FROM prov_key), (SELECT max(id) FROM member), "
	    "(SELECT max(id) FROM issued), (SELECT encode(value, 'escape') "
	    "FROM setting WHERE name = 'last_id')%s",
	    db->instance, mark);
	return pg_exec_rows(db->writer.link, sql, read_beginning, b);
}

/* How many ms may be waited. */
static int time_left(const struct db *common, int patience_ms)
{
	int64_t left = (common->deadline - clock_ticks()) /
		       (CLOCK_SECOND / 1000);

	if (!common->deadline || left > patience_ms)
		return patience_ms;
	return left > 0 ? (int)left : 0;
}

/* Replaces a link that is lost. The server may then be another one, with less
 * than was seen. */
static int ready_writer(struct pg_db *db, int patience_ms)
{
	struct pg_link *link = db->writer.link;

	if (link && !pg_is_lost(link) &&
	    pq.PQtransactionStatus(link->pg) != PQTRANS_IDLE)
		pg_exec(link, "ROLLBACK");
	if (link && !pg_is_lost(link) &&
	    pq.PQtransactionStatus(link->pg) == PQTRANS_IDLE)
		return 0;
	pg_disconnect(link);
	db->writer.link = NULL;
	__atomic_store_n(&db->polled, 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&db->generation, 1, __ATOMIC_RELAXED);
	link = NULL;
	int rc = pg_connect_to(db, time_left(db->db, patience_ms), &link);
	if (rc == -EIO || !link)
		return -ERESTART;
	if (rc)
		return rc;
	link->patience_ms = patience_ms;
	rc = pg_set_writer(db, link);
	link->patience_ms = pg_patience_ms;
	if (rc)
		return rc;
	report(LOG_NOTICE, "store %s: connected again", db->path);
	return 0;
}

/* The numbers of the last batch that was committed, and of the last one with an
 * edit, are known again; at: ticks when that was asked. */
static void note_seen(
    struct pg_db *db, int64_t number, int64_t edited, int64_t at)
{
	bool unknown = !db->polled, others = unknown || number != db->seen,
	     edits = unknown || edited > db->seen;

	db->seen = number;
	if (others)
		db_others_wrote(db->db, edits);
	__atomic_store_n(&db->polled, at, __ATOMIC_RELEASE);
}

int pg_begin(struct db *common, struct db_batch *batch)
{
	struct pg_db *db = common->handle;
	struct beginning b = {.batch = batch};
	char mark[256];
	int rc = ready_writer(db, pg_patience_ms);
	int64_t at = clock_ticks();

	if (!rc)
		db->writer.link->wrong = false;
	snprintf(mark, sizeof(mark),
	    "; INSERT INTO host SELECT '%s', number, at FROM batch "
	    "ON CONFLICT (instance) DO UPDATE SET batch = excluded.batch, at = excluded.at",
	    db->instance);
	if (!rc)
		rc = begin_batch(db, &b, mark);
	if (rc)
		return rc;
	if (b.schema != pg_schema_version()) {
		report(LOG_ERR,
		    "store %s: another version of enrollfs has brought it up to date: mount it with that",
		    db->path);
		return -EIO;
	}
	db->number = b.number;
	db->edits = false;
	note_seen(db, b.number - 1, b.edited, at);
	return 0;
}

/* Whether it changes no more than what a host that has not seen it may go on
 * with: rows that are kept uncounted, and what is made of them. */
static bool only_counts(enum db_query query)
{
	switch (db_query_effect(query)->type) {
	case DB_COUNTS_UP:
	case DB_TOUCHES:
	case DB_TOUCHES_ANY:
	case DB_APART:
		return true;
	default:
		return false;
	}
}

int pg_run_in_batch(
    struct db *common, enum db_query query, const struct db_value *args)
{
	struct pg_db *db = common->handle;

	db->edits |= !only_counts(query);
	/* a restore says which of its lines is wrong */
	return !common->once && pg_is_assumed(query)
		   ? pg_run_assumed(writer(common), query, args)
		   : pg_run(writer(common), query, args);
}

bool pg_running(const struct db *common)
{
	const struct pg_link *link = writer(common);

	return link && !pg_is_lost(link) && !link->wrong &&
	       (link->queued ||
		   pq.PQtransactionStatus(link->pg) == PQTRANS_INTRANS);
}

int pg_complete(struct db *common)
{
	const struct pg_db *db = common->handle;
	int rc = pg_settle(db->writer.link);

	return rc || !db->edits ? rc
				: pg_exec(db->writer.link,
				      "UPDATE batch SET edited = number");
}

/*
 * Sends COMMIT. A transaction that has failed is answered with ROLLBACK, and
 * one that may not have been replicated with a WARNING. Returns 0, -EIO: void;
 * or -EINPROGRESS: it is not known.
 */
static int try_to_commit(struct pg_link *link)
{
	int64_t until = pg_until(link);
	PGresult *result = NULL, *rest;
	int rc = -EINPROGRESS;

	link->warned = false;
	if (pq.PQsendQuery(link->pg, "COMMIT"))
		result = pg_next(link, until);
	while (result && (rest = pg_next(link, until)))
		pq.PQclear(rest);
	if (pq.PQresultStatus(result) == PGRES_COMMAND_OK)
		rc = strcmp(pq.PQcmdStatus(result), "COMMIT") ? -EIO
		     : link->warned			      ? -EINPROGRESS
							      : 0;
	else if (result)
		rc = pg_error(link, result, "COMMIT");
	/* it may have been committed before the server said that it ends */
	if (pg_is_lost(link))
		rc = -EINPROGRESS;
	pq.PQclear(result);
	return rc;
}

/*
 * What became of the batch: another one, which waits for the first to end, sees
 * it, and is committed itself, so that what it saw is as durable. It leaves the
 * mark of the first. Returns 1 if that was committed, 0 if not, or -errno.
 */
static int look_for(struct pg_db *db, int64_t number)
{
	struct db_batch ignored;
	struct beginning b = {.batch = &ignored};
	int rc = ready_writer(db, pg_patience_ms);
	int64_t at = clock_ticks();

	if (!rc)
		rc = begin_batch(db, &b, "");
	if (!rc)
		rc = try_to_commit(db->writer.link);
	if (rc)
		return rc;
	note_seen(db, b.number - 1, b.edited, at);
	db->seen = b.number;
	return b.last == number;
}

/* Until it is known, or the deadline. */
static int find_out(struct pg_db *db)
{
	static const struct timespec pause = {.tv_nsec = 100000000};
	int rc;

	do {
		pg_disconnect(db->writer.link);
		db->writer.link = NULL;
		rc = look_for(db, db->number);
		if (rc < 0)
			nanosleep(&pause, NULL);
	} while (rc < 0 && time_left(db->db, pg_patience_ms));
	if (rc < 0)
		report(LOG_ERR,
		    "store %s: it is not known whether the last changes were stored: the server does not answer",
		    db->path);
	return rc > 0 ? 0 : rc ? -ETIMEDOUT : -ERESTART;
}

static void note_own(struct pg_db *db, int64_t at)
{
	db->seen = db->number;
	__atomic_store_n(&db->polled, at, __ATOMIC_RELAXED);
}

int pg_commit(struct db *common)
{
	struct pg_db *db = common->handle;
	int64_t at = clock_ticks();
	int rc = try_to_commit(db->writer.link);

	if (rc == -EINPROGRESS)
		return common->once ? -EIO : find_out(db);
	if (!rc)
		note_own(db, at);
	return rc;
}

void pg_rollback(struct db *common)
{
	struct pg_link *link = writer(common);

	if (link)
		pg_settle(link);
	if (link && !pg_is_lost(link) &&
	    pq.PQtransactionStatus(link->pg) != PQTRANS_IDLE)
		pg_exec(link, "ROLLBACK");
}

static int read_numbers(int statement, const PGresult *row, void *arg)
{
	struct beginning *b = arg;

	(void)statement;
	b->number = number_at(row, 0);
	b->edited = number_at(row, 1);
	return 0;
}

/*
 * Of tables that were never analyzed, PostgreSQL assumes that hardly any row
 * has no value in `removed`, and finds a member by reading all of its group.
 * Autovacuum takes a minute to see to that: until a store is large, it is done
 * here each time it has doubled. One that takes too long is left to autovacuum.
 */
static void analyze(struct pg_db *db)
{
	enum { FIRST = 64, LAST = 4096 };

	if (db->number < FIRST || db->number > LAST ||
	    db->number < 2 * db->analyzed)
		return;
	db->analyzed = db->number;
	if (pg_exec(db->writer.link,
		"BEGIN; SET LOCAL statement_timeout = '500ms'; "
		"ANALYZE (SKIP_LOCKED) cert, grp, prov_key, member, issued, event, former, place; "
		"COMMIT") &&
	    !pg_is_lost(db->writer.link))
		pg_exec(db->writer.link, "ROLLBACK");
}

/* Looks whether others have written. */
static void poll_others(struct pg_db *db)
{
	struct beginning last;
	int64_t at = clock_ticks();

	if (!pg_exec_rows(db->writer.link, "SELECT number, edited FROM batch",
		read_numbers, &last))
		note_seen(db, last.number, last.edited, at);
}

void pg_tidy(struct db *common, bool idle)
{
	struct pg_db *db = common->handle;
	struct pg_link *link = db->writer.link;

	if (idle ? ready_writer(db, PG_POLL_TIMEOUT_MS)
		 : !link || pg_is_lost(link))
		return;
	link = db->writer.link;
	link->patience_ms = PG_POLL_TIMEOUT_MS;
	if (idle)
		poll_others(db);
	if (!pg_is_lost(link))
		analyze(db);
	link->patience_ms = pg_patience_ms;
}

/* What was read is as it is as long as it is known that nobody has written. */
bool pg_is_current(const struct db *common)
{
	const struct pg_db *db = common->handle;
	int64_t polled = __atomic_load_n(&db->polled, __ATOMIC_ACQUIRE);

	return polled &&
	       clock_ticks() - polled < CURRENT_MS * (CLOCK_SECOND / 1000);
}

int pg_poll_again(const struct db *common)
{
	const struct pg_db *db = common->handle;

	return db->polled ? PG_POLL_MS : PG_POLL_TIMEOUT_MS;
}

/* A restore works longer between two statements than others may. */
int pg_bulk(struct db *common)
{
	common->deadline = 0;
	return pg_exec(writer(common),
	    "SET CONSTRAINTS ALL DEFERRED; SET LOCAL statement_timeout = 0; "
	    "SET LOCAL idle_in_transaction_session_timeout = 0");
}
