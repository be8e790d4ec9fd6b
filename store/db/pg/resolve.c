/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

#define FRESH (60 * CLOCK_SECOND)

/* Searches may be in threads: a thread that began before the process gave up
 * its privileges would keep them, and so would those that it begins. */
static bool beside;

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

	/* its helper has let the request go */
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

/* --- before there are threads --- */

struct answer {
	int rc;
	struct pg_addresses addresses;
};

_Noreturn static void search_in_child(const char *host, int to)
{
	struct answer answer = {0};
	struct addrinfo *found = NULL;

	answer.rc = getaddrinfo(host, NULL, &wanted, &found);
	if (!answer.rc)
		copy(found, &answer.addresses);
	if (write(to, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	_exit(0);
}

static bool is_readable(int fd, int64_t until)
{
	int64_t left = until - clock_ticks();
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return left > 0 &&
	       poll(&wait, 1, (int)(left / (CLOCK_SECOND / 1000)) + 1) == 1;
}

/* A child searches, which ends with the answer. */
static int resolve_apart(
    const char *host, int64_t until, struct pg_addresses *out)
{
	struct answer answer = {.rc = EAI_INPROGRESS};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return EAI_SYSTEM;
	pid_t pid = fork();
	if (pid == 0)
		search_in_child(host, ends[1]);
	close(ends[1]);
	/* less than PIPE_BUF comes at once */
	if (pid < 0 ||
	    (is_readable(ends[0], until) &&
		read(ends[0], &answer, sizeof(answer)) != sizeof(answer)))
		answer.rc = EAI_SYSTEM;
	close(ends[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	*out = answer.addresses;
	return answer.rc || out->n ? answer.rc : EAI_NODATA;
}

void pg_resolve_beside(void)
{
	beside = true;
}

int pg_resolve(const char *host, int64_t until, struct pg_addresses *out)
{
	out->n = 0;
	if (!beside)
		return resolve_apart(host, until, out);
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
