/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/db/pg/pg.h"

/* Running statements on a link: those of query.h, and others as text. */

/* Types of values and columns, by their numbers in the catalog pg_type. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTES = 17,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25
};

enum { PARAMETERS_MAX = 64 };

/* The parameters of a statement, for libpq. */
struct parameters {
	int n;
	Oid type[PARAMETERS_MAX];
	const char *value[PARAMETERS_MAX];
	int length[PARAMETERS_MAX], format[PARAMETERS_MAX];
	int64_t integer[PARAMETERS_MAX];
};

static Oid type_of(char letter)
{
	return letter == 'i'   ? TYPE_INT8
	       : letter == 't' ? TYPE_TEXT
			       : TYPE_BYTES;
}

static void bind_value(struct parameters *p, int i, const struct db_value *value)
{
	p->format[i] = value->type != DB_STRING;
	if (value->type == DB_INTEGER) {
		p->integer[i] = (int64_t)htobe64((uint64_t)value->i);
		p->value[i] = (const char *)&p->integer[i];
		p->length[i] = sizeof(p->integer[i]);
	} else if (value->type != DB_NULL) {
		/* NULL would stand for no value */
		p->value[i] = value->p ? value->p : "";
		p->length[i] = (int)value->n;
	}
}

static int bind(
    enum db_query query, const struct db_value *args, struct parameters *p)
{
	const char *types = db_query_types(query);
	int rc = db_check_values(query, args);

	p->n = 0;
	if (rc)
		return rc;
	for (; types[p->n]; p->n++) {
		p->type[p->n] = type_of(types[p->n]);
		p->value[p->n] = NULL;
		p->length[p->n] = 0;
		bind_value(p, p->n, &args[p->n]);
	}
	return 0;
}

/* A statement's text with PostgreSQL's parameters. */
static int translate(const char *text, struct bytes *out)
{
	int rc = 0;
	bool quoted = false;

	for (; *text && !rc; text++) {
		bool number = *text == '?' && isdigit((unsigned char)text[1]);
		quoted ^= *text == '\'';
		rc = bytes_add(out, number && !quoted ? "$" : text, 1);
	}
	return rc ? rc : bytes_add(out, "", 1);
}

/* The answer to what was sent; the statement's other answers, of which there
 * are none, are dropped. Returns 0 or -errno. */
static int answer(struct pg_link *link, enum db_query query, PGresult **out)
{
	int64_t until = pg_until(link);
	PGresult *rest;

	*out = pg_next(link, until);
	while ((rest = pg_next(link, until)))
		pq.PQclear(rest);
	ExecStatusType status = *out ? pq.PQresultStatus(*out)
				     : PGRES_FATAL_ERROR;
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return 0;
	/* behind a statement of the queue that has failed, nothing is run */
	int rc = status == PGRES_PIPELINE_ABORTED
		     ? -EIO
		     : pg_error(link, *out, db_query_name(query));
	pq.PQclear(*out);
	*out = NULL;
	return rc;
}

static int prepare(
    struct pg_link *link, enum db_query query, const struct parameters *p)
{
	CLEANUP_BYTES struct bytes text = {0};
	PGresult *result = NULL;

	if (link->prepared[query])
		return 0;
	int rc = pg_settle(link);
	if (!rc)
		rc = translate(db_query_text(query), &text);
	if (rc)
		return rc;
	if (!pq.PQsendPrepare(link->pg, db_query_name(query), (char *)text.data,
		p->n, p->type))
		return pg_error(link, NULL, db_query_name(query));
	rc = answer(link, query, &result);
	pq.PQclear(result);
	link->prepared[query] = !rc;
	return rc;
}

/* At most: of the messages Bind, Describe and Execute. */
static size_t size_of(enum db_query query, const struct parameters *p)
{
	size_t bytes = 64 + strlen(db_query_name(query));

	for (int i = 0; i < p->n; i++)
		bytes += 6 + (size_t)p->length[i];
	return bytes;
}

/* assumed: it is the first of the queue, or another one. */
static int send_query(struct pg_link *link, enum db_query query,
    const struct db_value *args, bool assumed, size_t *bytes)
{
	struct parameters p = {.n = 0};
	int rc = pg_is_lost(link) ? pg_error(link, NULL, db_query_name(query))
				  : bind(query, args, &p);

	if (!rc)
		rc = prepare(link, query, &p);
	*bytes = size_of(query, &p);
	if (!rc && link->bytes + *bytes > PG_QUEUE_BYTES)
		rc = pg_settle(link);
	if (rc)
		return rc;
	if (assumed && !link->queued && !pq.PQenterPipelineMode(link->pg))
		return pg_error(link, NULL, db_query_name(query));
	return pq.PQsendQueryPrepared(link->pg, db_query_name(query), p.n,
		   p.value, p.length, p.format, 1)
		   ? 0
		   : pg_error(link, NULL, db_query_name(query));
}

/* Behind what is queued, in the same round trip. */
static int execute(struct pg_link *link, enum db_query query,
    const struct db_value *args, PGresult **out)
{
	size_t bytes = 0;
	int rc = send_query(link, query, args, false, &bytes);

	if (rc || !link->queued)
		return rc ? rc : answer(link, query, out);
	int before = pg_take_queued(link);
	if (!pg_is_lost(link))
		rc = answer(link, query, out);
	int ended = pg_end_pipeline(link);
	if (!before && !rc && !ended)
		return 0;
	pq.PQclear(*out);
	*out = NULL;
	return before ? before : rc ? rc : ended;
}

int pg_run_assumed(
    struct pg_link *link, enum db_query query, const struct db_value *args)
{
	size_t bytes = 0;
	int rc = send_query(link, query, args, true, &bytes);

	if (!rc)
		rc = pg_enqueue(link, query, bytes);
	return rc ? rc : 1;
}

int pg_run(
    struct pg_link *link, enum db_query query, const struct db_value *args)
{
	PGresult *result = NULL;
	int rc = execute(link, query, args, &result);

	if (!rc)
		rc = (int)strtol(pq.PQcmdTuples(result), NULL, 10);
	pq.PQclear(result);
	return rc;
}

/* --- text --- */

/* The beginning of what was to be done, for messages. */
static int failed(struct pg_link *link, const PGresult *result, const char *sql)
{
	char doing[64];

	snprintf(doing, sizeof(doing), "%.*s", (int)strcspn(sql, ";("), sql);
	return pg_error(link, result, doing);
}

int pg_exec_rows(struct pg_link *link, const char *sql,
    int (*fn)(int statement, const PGresult *row, void *arg), void *arg)
{
	PGresult *result;
	int rc = pg_settle(link), n = 0;
	int64_t until = pg_until(link);

	if (rc)
		return rc;
	if (!link->pg || !pq.PQsendQuery(link->pg, sql))
		return failed(link, NULL, sql);
	while ((result = pg_next(link, until))) {
		ExecStatusType status = pq.PQresultStatus(result);
		if (status == PGRES_TUPLES_OK && pq.PQntuples(result) && !rc &&
		    fn)
			rc = fn(n, result, arg);
		else if (status != PGRES_TUPLES_OK &&
			 status != PGRES_COMMAND_OK && !rc)
			rc = failed(link, result, sql);
		pq.PQclear(result);
		n++;
	}
	return rc || !pg_is_lost(link) ? rc : failed(link, NULL, sql);
}

int pg_exec(struct pg_link *link, const char *sql)
{
	return pg_exec_rows(link, sql, NULL, NULL);
}

/* --- rows --- */

/* Calls fn for each row, until it stops. *rows counts them. */
static int each(const struct db_engine *engine, PGresult *result, db_row_fn fn,
    void *arg, int *rows)
{
	struct pg_row row = {{engine}, result, 0};
	int stop = 0;

	for (; row.at < pq.PQntuples(result) && !stop; row.at++) {
		++*rows;
		stop = fn(&row.base, arg);
	}
	return stop;
}

/*
 * What may have many rows is read in parts, in a transaction, so that neither
 * memory nor the time to the first row grows with them; the callback may run
 * other queries meanwhile.
 */
static bool is_long(enum db_query query)
{
	static const bool is[DB_QUERIES] = {
	    [DB_CERT_EACH] = true,
	    [DB_CRL_ENTRIES] = true,
	    [DB_INDEX_CERTS] = true,
	    [DB_INDEX_MEMBERS] = true,
	    [DB_GROUP_EACH] = true,
	    [DB_KEY_ALL] = true,
	    [DB_KEY_EACH] = true,
	    [DB_MEMBER_ALL] = true,
	    [DB_MEMBER_NEWEST] = true,
	    [DB_MEMBER_EACH] = true,
	    [DB_MEMBER_EACH_OF_KEY] = true,
	    [DB_FORMER_NAMES] = true,
	    [DB_EVENT_SEGMENT] = true,
	    [DB_EVENT_LINES] = true,
	    [DB_EVENT_EACH] = true,
	    [DB_SEGMENT_EACH] = true,
	    [DB_RESTORE_DATA] = true,
	    [DB_RESTORE_ALIVE] = true,
	    [DB_RESTORE_USES] = true,
	    [DB_CHECK_CERTS] = true,
	    [DB_CHECK_CRLS] = true,
	    [DB_CHECK_KEYS] = true,
	    [DB_CHECK_CERTIFICATES] = true,
	};

	return is[query];
}

static int declare(
    struct pg_link *link, enum db_query query, const struct db_value *args)
{
	CLEANUP_BYTES struct bytes text = {0};
	struct parameters p;
	PGresult *result = NULL;
	int rc = bind(query, args, &p);

	if (!rc)
		rc = bytes_printf(
		    &text, "DECLARE c%d NO SCROLL CURSOR FOR ", link->cursors);
	if (!rc)
		rc = translate(db_query_text(query), &text);
	if (rc)
		return rc;
	if (!pq.PQsendQueryParams(link->pg, (char *)text.data, p.n, p.type,
		p.value, p.length, p.format, 1))
		return pg_error(link, NULL, db_query_name(query));
	rc = answer(link, query, &result);
	pq.PQclear(result);
	return rc;
}

static int fetch(
    struct pg_link *link, enum db_query query, int cursor, PGresult **out)
{
	char text[64];

	/* what is done with a row may have queued something */
	int rc = pg_settle(link);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "FETCH 128 FROM c%d", cursor);
	if (!pq.PQsendQueryParams(link->pg, text, 0, NULL, NULL, NULL, NULL, 1))
		return pg_error(link, NULL, db_query_name(query));
	return answer(link, query, out);
}

static int each_part(struct pg_link *link, const struct db_engine *engine,
    enum db_query query, db_row_fn fn, void *arg, int *rows)
{
	int cursor = link->cursors++, stop = 0, n = 1, rc = 0;

	while (!rc && !stop && n) {
		PGresult *part = NULL;
		rc = fetch(link, query, cursor, &part);
		n = rc ? 0 : pq.PQntuples(part);
		if (n)
			stop = each(engine, part, fn, arg, rows);
		pq.PQclear(part);
	}
	link->cursors--;
	return rc ? rc : stop;
}

static bool in_transaction(const struct pg_link *link)
{
	return link->pg && pq.PQtransactionStatus(link->pg) != PQTRANS_IDLE;
}

/* Reads in parts. The cursor ends with the transaction, or is closed. */
static int rows_in_parts(struct pg_link *link, const struct db_engine *engine,
    enum db_query query, const struct db_value *args, db_row_fn fn, void *arg,
    int *rows)
{
	bool alone = !in_transaction(link);
	char close[32];
	int rc;

	if (pg_is_lost(link))
		return pg_error(link, NULL, db_query_name(query));
	rc = alone ? pg_exec(link, "BEGIN READ ONLY") : pg_settle(link);
	if (!rc)
		rc = declare(link, query, args);
	if (rc && !alone)
		return rc;
	if (!rc)
		rc = each_part(link, engine, query, fn, arg, rows);
	int settled = pg_settle(link);
	rc = rc < 0 ? rc : settled;
	snprintf(close, sizeof(close), alone ? "COMMIT" : "CLOSE c%d",
	    link->cursors);
	if (in_transaction(link) &&
	    (alone || pq.PQtransactionStatus(link->pg) == PQTRANS_INTRANS))
		pg_exec(link, close);
	return rc < 0 ? rc : 0;
}

int pg_rows(struct pg_link *link, const struct db_engine *engine,
    enum db_query query, const struct db_value *args, db_row_fn fn, void *arg,
    int *rows)
{
	PGresult *result = NULL;

	*rows = 0;
	if (is_long(query))
		return rows_in_parts(link, engine, query, args, fn, arg, rows);
	int rc = execute(link, query, args, &result);
	if (!rc)
		rc = each(engine, result, fn, arg, rows);
	pq.PQclear(result);
	return rc < 0 ? rc : 0;
}

/* --- columns --- */

static const struct pg_row *as_pg(const struct db_row *row)
{
	return (const struct pg_row *)row;
}

bool pg_null(const struct db_row *row, int column)
{
	const struct pg_row *r = as_pg(row);

	return pq.PQgetisnull(r->result, r->at, column);
}

/* Integers are of 1 (bool), 2, 4 or 8 bytes, big-endian. */
int64_t pg_integer(const struct db_row *row, int column)
{
	size_t len;
	const unsigned char *at = pg_blob(row, column, &len);
	uint64_t number = at && len && len <= 8 && (at[0] & 0x80) ? ~UINT64_C(0)
								  : 0;

	if (!at || len > 8)
		return 0;
	for (size_t i = 0; i < len; i++)
		number = number << 8 | at[i];
	return (int64_t)number;
}

const void *pg_blob(const struct db_row *row, int column, size_t *len)
{
	const struct pg_row *r = as_pg(row);

	*len = (size_t)pq.PQgetlength(r->result, r->at, column);
	return pg_null(row, column) ? NULL
				    : pq.PQgetvalue(r->result, r->at, column);
}

int pg_columns(const struct db_row *row)
{
	return pq.PQnfields(as_pg(row)->result);
}

struct db_value pg_value(const struct db_row *row, int column)
{
	struct db_value value = {.type = DB_NULL};

	if (pg_null(row, column))
		return value;
	switch (pq.PQftype(as_pg(row)->result, column)) {
	case TYPE_BOOL:
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		return DB_INT(pg_integer(row, column));
	case TYPE_BYTES:
		value.type = DB_BYTES;
		break;
	default:
		value.type = DB_STRING;
		break;
	}
	value.p = pg_blob(row, column, &value.n);
	return value;
}
