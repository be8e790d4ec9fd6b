/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* A connection: every wait for the server has an end. */

int64_t pg_until(const struct pg_link *link)
{
	int64_t until = clock_ticks() +
			link->patience_ms * (CLOCK_SECOND / 1000);
	int64_t deadline = link->deadline ? *link->deadline : 0;

	return deadline && deadline < until ? deadline : until;
}

bool pg_is_lost(const struct pg_link *link)
{
	return !link->pg || pq.PQstatus(link->pg) != CONNECTION_OK;
}

/* What is in progress may never end: nothing more is expected of it. */
static void lose(struct pg_link *link)
{
	pq.PQfinish(link->pg);
	link->pg = NULL;
	link->queued = 0;
}

void pg_disconnect(struct pg_link *link)
{
	if (!link)
		return;
	if (link->pg)
		pq.PQfinish(link->pg);
	free(link);
}

int pg_wait_for(const PGconn *pg, short events, int64_t until)
{
	struct pollfd fd = {.fd = pq.PQsocket(pg), .events = events};
	int rc = 0;

	do {
		/* a program that was stopped may have its answer already */
		int64_t left = until - clock_ticks();
		rc = poll(&fd, 1,
		    left > 0 ? (int)(left / (CLOCK_SECOND / 1000)) + 1 : 0);
	} while (rc < 0 && errno == EINTR);
	return rc > 0 ? 0 : -ETIMEDOUT;
}

enum { SAY_SECONDS = 10 };

/* The first line of what the server or the library says. */
static const char *first_line(const char *text, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	return out;
}

int pg_say_lost(const char *doing, const char *why)
{
	static int64_t next;
	char line[512];
	int64_t now = clock_ticks(),
		due = __atomic_load_n(&next, __ATOMIC_RELAXED);

	if (now >= due && __atomic_compare_exchange_n(&next, &due,
			      now + SAY_SECONDS * CLOCK_SECOND, false,
			      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		report(LOG_ERR, "store: %s: the server does not answer: %s",
		    doing, first_line(why, line, sizeof(line)));
	return -EIO;
}

/* --- asking --- */

static int flush(struct pg_link *link, int64_t until)
{
	int left = pq.PQflush(link->pg), rc = 0;

	while (left > 0 && !rc) {
		rc = pg_wait_for(link->pg, POLLIN | POLLOUT, until);
		if (!rc && !pq.PQconsumeInput(link->pg))
			return -EIO;
		left = pq.PQflush(link->pg);
	}
	return left < 0 ? -EIO : rc;
}

static int await(struct pg_link *link, int64_t until)
{
	int rc = flush(link, until);

	while (!rc && pq.PQisBusy(link->pg)) {
		rc = pg_wait_for(link->pg, POLLIN, until);
		if (!rc && !pq.PQconsumeInput(link->pg))
			rc = -EIO;
	}
	return rc;
}

PGresult *pg_next(struct pg_link *link, int64_t until)
{
	int rc = link->pg ? await(link, until) : -EIO;

	if (rc == -ETIMEDOUT)
		lose(link);
	return rc ? NULL : pq.PQgetResult(link->pg);
}

/* --- errors --- */

static bool is_class(const char *state, const char *class)
{
	return strncmp(state, class, strlen(class)) == 0;
}

/* Classes and codes: PostgreSQL's manual, appendix A. */
static int errno_of(const char *state)
{
	static const struct {
		const char *state;
		int rc;
	} known[] = {
	    {"23505", -EEXIST},	  /* unique_violation */
	    {"40001", -ERESTART}, /* serialization_failure */
	    {"40P01", -ERESTART}, /* deadlock_detected */
	    {"53100", -ENOSPC},	  /* disk_full */
	    {"53200", -ENOMEM},	  /* out_of_memory */
	    {"55P03", -EBUSY},	  /* lock_not_available */
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(state, known[i].state) == 0)
			return known[i].rc;
	return -EIO;
}

/* The server will not do more on this connection, or is not the one that
 * writes any more. */
static bool ends_link(const char *state)
{
	return is_class(state, "08") || is_class(state, "57P") ||
	       strcmp(state, "25006") == 0 || strcmp(state, "25P03") == 0 ||
	       strcmp(state, "25P04") == 0;
}

int pg_error(struct pg_link *link, const PGresult *result, const char *doing)
{
	const char *state = result ? pq.PQresultErrorField(
					 result, PG_DIAG_SQLSTATE)
				   : NULL;
	char line[512];

	if (!state) {
		char why[512];
		first_line(link->pg ? pq.PQerrorMessage(link->pg)
				    : strerror(ETIMEDOUT),
		    why, sizeof(why));
		if (link->pg)
			lose(link);
		pg_say_lost(doing, why);
		return link->writes ? -ERESTART : -EIO;
	}
	int rc = errno_of(state);
	if (rc != -EEXIST && rc != -ERESTART)
		report(LOG_ERR, "store: %s: %s (%s)", doing,
		    first_line(
			pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
			line, sizeof(line)),
		    state);
	if (ends_link(state)) {
		lose(link);
		rc = -ERESTART;
	}
	return rc == -ERESTART && !link->writes ? -EIO : rc;
}
