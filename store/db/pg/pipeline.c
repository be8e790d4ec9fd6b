/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"
#include "store/db/pg/pg.h"

/*
 * A job's statements that cannot fail once its claim has been granted are sent
 * one behind the other, and the outcome of each is assumed. Their answers are
 * read with that of the next query, or before COMMIT: then the assumption is
 * checked. So they cost no round trips but that of the claim, or of what is
 * read next; the first time, each is prepared.
 */

enum assumption { NONE, ONE_ROW, ANY_ROWS };

static enum assumption assumed(enum db_query query)
{
	static const unsigned char of[DB_QUERIES] = {
	    [DB_MEMBER_ADD] = ONE_ROW,
	    [DB_ISSUED_ADD] = ONE_ROW,
	    [DB_ISSUED_COUNT] = ANY_ROWS,
	    [DB_MEMBER_RENEWED] = ONE_ROW,
	    [DB_GROUP_MEMBER_ADDED] = ANY_ROWS,
	    [DB_GROUP_MEMBERS_CHANGED] = ONE_ROW,
	    [DB_GROUP_KEYS_CHANGED] = ONE_ROW,
	    [DB_PLACE_CHANGED] = ONE_ROW,
	    [DB_CERT_SHOWS] = ONE_ROW,
	    [DB_GROUP_SHOWS] = ONE_ROW,
	    [DB_KEY_SHOWS] = ONE_ROW,
	    [DB_MEMBER_SHOWS] = ONE_ROW,
	    [DB_PLACE_RAISE] = ONE_ROW,
	    [DB_CERT_RAISE] = ONE_ROW,
	    [DB_GROUP_RAISE] = ONE_ROW,
	    [DB_KEY_RAISE] = ONE_ROW,
	    [DB_EVENT_ADD] = ONE_ROW,
	};

	return (enum assumption)of[query];
}

bool pg_is_assumed(enum db_query query)
{
	return assumed(query) != NONE;
}

int pg_enqueue(struct pg_link *link, enum db_query query, size_t bytes)
{
	link->queue[link->queued++] = query;
	link->bytes += bytes;
	return link->queued < PG_QUEUE ? 0 : pg_settle(link);
}

static int check(enum db_query query, PGresult *result)
{
	const char *rows = pq.PQcmdTuples(result);

	if (assumed(query) == ANY_ROWS || strcmp(rows, "1") == 0)
		return 0;
	report(LOG_ERR, "store: %s: changed %s rows instead of 1",
	    db_query_name(query), rows);
	return -EIO;
}

int pg_take_queued(struct pg_link *link)
{
	int64_t until = pg_until(link);
	int rc = 0, n = link->queued;

	link->queued = 0;
	link->bytes = 0;
	if (!pq.PQpipelineSync(link->pg))
		return pg_error(link, NULL, "Sync");
	for (int i = 0; i < n && !pg_is_lost(link); i++) {
		PGresult *result = pg_next(link, until), *rest;
		while ((rest = pg_next(link, until)))
			pq.PQclear(rest);
		/* behind a failure, nothing else is run */
		if (!rc)
			rc = pq.PQresultStatus(result) == PGRES_COMMAND_OK
				 ? check(link->queue[i], result)
				 : pg_error(link, result,
				       db_query_name(link->queue[i]));
		pq.PQclear(result);
	}
	if (!rc && pg_is_lost(link))
		rc = pg_error(link, NULL, "Sync");
	link->wrong |= rc != 0;
	return rc;
}

int pg_end_pipeline(struct pg_link *link)
{
	if (!pg_is_lost(link))
		pq.PQclear(pg_next(link, pg_until(link)));
	/* what was said then is why */
	if (!link->pg)
		return link->writes ? -ERESTART : -EIO;
	return pg_is_lost(link) || !pq.PQexitPipelineMode(link->pg)
		   ? pg_error(link, NULL, "Sync")
		   : 0;
}

int pg_settle(struct pg_link *link)
{
	if (!link->queued)
		return 0;
	int rc = pg_take_queued(link);
	int ended = pg_end_pipeline(link);
	return rc ? rc : ended;
}
