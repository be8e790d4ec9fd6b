/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/db/pg/pg.h"

/*
 * Addresses of hosts. libpq would look them up in the thread that connects, for
 * as long as name servers are silent. So each name has one search, in a thread
 * of the C library, that whoever needs it waits for; it may outlast them, and
 * the next one joins it.
 */
struct search {
	char *host;
	struct gaicb request;
	bool going_on; /* since it began, nobody has seen its end */
	int64_t begun; /* ticks */
	struct search *next;
};

#define FRESH (10 * CLOCK_SECOND)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct search *searches;

static const struct addrinfo wanted = {
    .ai_family = AF_UNSPEC,
    .ai_socktype = SOCK_STREAM,
};

const char *pg_resolve_error(int error)
{
	return error == EAI_INPROGRESS ? "name servers do not answer"
				       : gai_strerror(error);
}

/* With the lock held. NULL: no memory. */
static struct search *find(const char *host)
{
	struct search *s = searches;

	while (s && strcmp(s->host, host) != 0)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s)
		s->host = strdup(host);
	if (!s || !s->host) {
		free(s);
		return NULL;
	}
	s->next = searches;
	searches = s;
	return s;
}

/* With the lock held. */
static int begin(struct search *s)
{
	struct gaicb *one = &s->request;

	/* one that all have given up has ended with what was true then */
	if (s->going_on && (gai_error(one) == EAI_INPROGRESS ||
			       clock_ticks() - s->begun < FRESH))
		return 0;
	if (one->ar_result)
		freeaddrinfo(one->ar_result);
	*one = (struct gaicb){.ar_name = s->host, .ar_request = &wanted};
	int rc = getaddrinfo_a(GAI_NOWAIT, &one, 1, NULL);
	s->going_on = !rc;
	s->begun = clock_ticks();
	return rc;
}

static void copy(const struct addrinfo *from, struct pg_addresses *out)
{
	for (out->n = 0; from && out->n < PG_ADDRESSES; from = from->ai_next)
		if (getnameinfo(from->ai_addr, from->ai_addrlen,
			out->text[out->n], sizeof(out->text[0]), NULL, 0,
			NI_NUMERICHOST) == 0)
			out->n++;
}

/* With the lock held. */
static int result_of(struct search *s, struct pg_addresses *out)
{
	static const struct timespec none;
	const struct gaicb *request = &s->request;

	/* takes the lock under which the result was stored */
	gai_suspend(&request, 1, &none);
	int rc = gai_error(&s->request);
	s->going_on = rc == EAI_INPROGRESS;
	if (!rc)
		copy(s->request.ar_result, out);
	return rc || out->n ? rc : EAI_NODATA;
}

static void wait_until(const struct gaicb *request, int64_t until)
{
	int64_t left = until - clock_ticks();
	struct timespec time = {
	    .tv_sec = left / CLOCK_SECOND, .tv_nsec = left % CLOCK_SECOND};

	if (left > 0)
		gai_suspend(&request, 1, &time);
}

int pg_resolve(const char *host, int64_t until, struct pg_addresses *out)
{
	out->n = 0;
	pthread_mutex_lock(&lock);
	struct search *s = find(host);
	int rc = s ? begin(s) : EAI_MEMORY;
	if (!rc)
		rc = EAI_INPROGRESS;
	while (rc == EAI_INPROGRESS && clock_ticks() < until) {
		pthread_mutex_unlock(&lock);
		wait_until(&s->request, until);
		pthread_mutex_lock(&lock);
		rc = result_of(s, out);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}
