/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* Connecting to the server that a URI names. */

int pg_patience_ms = 10000;

/* A program that waits longer for answers does not for a connection. */
enum { CONNECT_MS = 30000 };

void pg_wait_at_most(int seconds)
{
	pg_patience_ms = seconds * 1000;
}

static void note_warning(void *arg, const PGresult *notice)
{
	struct pg_link *link = arg;
	const char *severity = pq.PQresultErrorField(
	    notice, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity && strcmp(severity, "WARNING") == 0)
		link->warned = true;
}

static int finish_connecting(PGconn *pg, int64_t until)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	int rc = pg && pq.PQstatus(pg) != CONNECTION_BAD ? 0 : -EIO;

	while (!rc && state != PGRES_POLLING_OK) {
		rc = pg_wait_for(pg,
		    state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
		if (!rc)
			state = pq.PQconnectPoll(pg);
		if (state == PGRES_POLLING_FAILED)
			return -EIO;
	}
	return rc;
}

/* --- one server of those that a URI names --- */

struct target {
	const PQconninfoOption *options;
	char host[256], address[64], port[16];
	int64_t until; /* ticks; then the next one is tried */
	char why[512]; /* of each that was tried */
};

enum { OPTIONS_MAX = 96 };

struct keywords {
	const char *name[OPTIONS_MAX + 1], *value[OPTIONS_MAX + 1];
	int n;
};

static void set(struct keywords *k, const char *name, const char *value)
{
	if (k->n == OPTIONS_MAX || !value || !*value)
		return;
	k->name[k->n] = name;
	k->value[k->n++] = value;
}

static bool names_server(const char *keyword)
{
	return strcmp(keyword, "host") == 0 ||
	       strcmp(keyword, "hostaddr") == 0 || strcmp(keyword, "port") == 0;
}

/* Of two values for one keyword, the last is used. */
static PGconn *begin_connecting(const struct target *t)
{
	struct keywords k = {.n = 0};
	char timeout[16];

	snprintf(timeout, sizeof(timeout), "%d", pg_patience_ms);
	set(&k, "keepalives_idle", "5");
	set(&k, "keepalives_interval", "2");
	set(&k, "keepalives_count", "3");
	set(&k, "tcp_user_timeout", timeout);
	set(&k, "target_session_attrs", "read-write");
	set(&k, "application_name", "enrollfs");
	set(&k, "client_encoding", "UTF8");
	for (const PQconninfoOption *o = t->options; o->keyword; o++)
		if (!names_server(o->keyword))
			set(&k, o->keyword, o->val);
	set(&k, "host", t->host);
	set(&k, "hostaddr", t->address);
	set(&k, "port", t->port);
	return pq.PQconnectStartParams(k.name, k.value, 0);
}

static void note_why(struct target *t, int rc, const PGconn *pg)
{
	const char *why = rc == -ETIMEDOUT || !pg ? strerror(-rc)
						  : pq.PQerrorMessage(pg);
	size_t len = strlen(t->why);

	/* the library names the server itself */
	snprintf(t->why + len, sizeof(t->why) - len, "%s%s%s%.*s",
	    len ? "; " : "", rc == -ETIMEDOUT ? t->host : "",
	    rc == -ETIMEDOUT ? ": " : "", (int)strcspn(why, "\n"), why);
}

static int try_address(struct target *t, PGconn **out)
{
	PGconn *pg = begin_connecting(t);
	int rc = finish_connecting(pg, t->until);

	if (!rc) {
		*out = pg;
		return 0;
	}
	note_why(t, rc, pg);
	pq.PQfinish(pg);
	return rc;
}

/* --- all of them --- */

/* The end of a turn, if so many more have to be given what is left. */
static int64_t share(int64_t until, int turns)
{
	int64_t now = clock_ticks();

	return now + (until - now) / turns;
}

static bool has_to_be_found(const struct target *t)
{
	return !t->address[0] && t->host[0] && t->host[0] != '/' &&
	       t->host[0] != '@';
}

static int try_host(struct target *t, PGconn **out)
{
	struct pg_addresses found;
	int64_t until = t->until;
	int rc;

	if (!has_to_be_found(t))
		return try_address(t, out);
	rc = pg_resolve(t->host, until, &found);
	if (rc) {
		size_t len = strlen(t->why);
		snprintf(t->why + len, sizeof(t->why) - len,
		    "%s%s: its name cannot be looked up: %s", len ? "; " : "",
		    t->host, pg_resolve_error(rc));
		return -EIO;
	}
	rc = -EIO;
	for (int i = 0; i < found.n && rc; i++) {
		memcpy(t->address, found.text[i], sizeof(t->address));
		t->until = share(until, found.n - i);
		rc = try_address(t, out);
	}
	return rc;
}

/* Each host has its share of the time, so that one that is silent leaves some
 * to those behind it. The first to be tried is the one that answered last. */
static int try_all(struct target *t, int64_t until, PGconn **out)
{
	static int answered;
	const char *hosts = pg_uri_value(t->options, "host"),
		   *addresses = pg_uri_value(t->options, "hostaddr"),
		   *ports = pg_uri_value(t->options, "port");
	int n = pg_uri_parts(*addresses ? addresses : hosts), rc = -EIO;
	int first = __atomic_load_n(&answered, __ATOMIC_RELAXED);

	for (int i = 0; i < n && rc; i++) {
		int at = (first + i) % n;
		pg_uri_part(hosts, at, t->host, sizeof(t->host));
		pg_uri_part(addresses, at, t->address, sizeof(t->address));
		pg_uri_part(ports, strchr(ports, ',') ? at : 0, t->port,
		    sizeof(t->port));
		t->until = share(until, n - i);
		rc = try_host(t, out);
		if (!rc)
			__atomic_store_n(&answered, at, __ATOMIC_RELAXED);
	}
	return rc;
}

/* The server gives up before this end does, and says why: first on a lock that
 * another host holds. */
static int set_up(struct pg_link *link)
{
	char waits[96];
	const char *encoding = pq.PQparameterStatus(link->pg, "server_encoding");

	if (!encoding || strcmp(encoding, "UTF8") != 0) {
		report(LOG_ERR,
		    "store: the database's encoding is %s; it has to be UTF8",
		    encoding ? encoding : "unknown");
		return -EINVAL;
	}
	snprintf(waits, sizeof(waits),
	    "SET lock_timeout = %d; SET statement_timeout = %d",
	    pg_patience_ms / 10 * 6, pg_patience_ms / 10 * 8);
	int rc = pg_exec(link, waits);
	return rc ? rc
		  : pg_exec(link,
			"SET client_encoding = 'UTF8'; SET tcp_keepalives_idle = 5; "
			"SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; "
			"SET idle_in_transaction_session_timeout = '60s'; "
			"SET standard_conforming_strings = on; "
			"SET TIME ZONE 'UTC'; SET client_min_messages = warning; "
			"SELECT set_config('synchronous_commit', 'on', false) "
			"WHERE current_setting('synchronous_commit') IN ('off', 'local')");
}

static int connect_link(struct pg_link *link, const char *where)
{
	PQconninfoOption *options = pg_uri_parse(where);
	struct target target = {.options = options};
	int rc = options ? try_all(&target, pg_until(link), &link->pg)
			 : -EINVAL;

	pq.PQconninfoFree(options);
	if (rc == -EINVAL)
		return rc;
	if (rc)
		return pg_say_lost("connecting", target.why);
	pq.PQsetnonblocking(link->pg, 1);
	pq.PQsetNoticeReceiver(link->pg, note_warning, link);
	return set_up(link);
}

int pg_connect(const char *where, int patience_ms, struct pg_link **out)
{
	struct pg_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->patience_ms = patience_ms < CONNECT_MS ? patience_ms : CONNECT_MS;
	int64_t deadline = pg_until(link);
	link->deadline = &deadline;
	int rc = pg_load();
	if (!rc)
		rc = connect_link(link, where);
	link->deadline = NULL;
	link->patience_ms = pg_patience_ms;
	if (rc)
		pg_disconnect(link);
	else
		*out = link;
	return rc;
}
