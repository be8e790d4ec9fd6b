/* SPDX-License-Identifier: Apache-2.0 */
#include "store/why.h"

#include <pthread.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/call.h"

/*
 * The last refusals of each user, for people whose program only says "Invalid
 * argument". They are in memory alone, and soon too old to be of use. Where
 * there are too many users, the one refused longest ago is forgotten.
 */
enum { USERS = 1024, LAST = 8, MINUTES = 10 };

struct refusal {
	int64_t at;	   /* ticks; 0: none */
	struct bytes line; /* as it is shown */
};

static struct {
	pthread_mutex_t lock;
	struct user {
		uid_t uid;
		int newest;
		struct refusal last[LAST]; /* a ring */
	} user[USERS];
} users = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t newest(const struct user *u)
{
	return u->last[u->newest].at;
}

static struct user *find(uid_t uid)
{
	for (struct user *u = users.user; u < users.user + USERS; u++)
		if (u->uid == uid && newest(u))
			return u;
	return NULL;
}

static void forget(struct user *u)
{
	for (int i = 0; i < LAST; i++)
		bytes_free(&u->last[i].line);
	memset(u, 0, sizeof(*u));
}

static struct user *find_or_take(uid_t uid)
{
	struct user *u = find(uid), *oldest = users.user;

	if (u)
		return u;
	for (u = users.user; u < users.user + USERS; u++)
		if (newest(u) < newest(oldest))
			oldest = u;
	forget(oldest);
	oldest->uid = uid;
	return oldest;
}

/* A field of the line: a program's name may have any bytes. */
static int add_field(struct bytes *line, const char *text)
{
	int rc = bytes_add(line, "\t", 1);

	for (; *text && !rc; text++)
		rc = bytes_add(line,
		    (unsigned char)*text < ' ' || *text == 0x7f ? "?" : text,
		    1);
	return rc;
}

static int make_line(struct bytes *line, const struct store_call *call,
    const char *action, const char *object, int error)
{
	char time[CLOCK_TEXT];

	clock_text(clock_now() / CLOCK_SECOND, time);
	int rc = bytes_printf(line, "%s\t%d", time, call->pid);
	if (!rc)
		rc = add_field(line, call->comm);
	if (!rc)
		rc = bytes_printf(
		    line, "\t%s%s%s", action, *object ? " " : "", object);
	if (!rc)
		rc = add_field(line, store_error_name(error));
	if (!rc)
		rc = add_field(line, call->reason);
	return rc ? rc : bytes_add(line, "\n", 1);
}

void why_note(const struct store_call *call, const char *action,
    const char *object, int error)
{
	struct refusal new = {.at = clock_ticks()};

	if (make_line(&new.line, call, action, object, error)) {
		bytes_free(&new.line);
		return;
	}
	pthread_mutex_lock(&users.lock);
	struct user *u = find_or_take(call->uid);
	u->newest = (u->newest + 1) % LAST;
	bytes_free(&u->last[u->newest].line);
	u->last[u->newest] = new;
	pthread_mutex_unlock(&users.lock);
}

static int add_recent(const struct user *u, int64_t since, struct bytes *out)
{
	int rc = 0;

	for (int i = 0; i < LAST && !rc; i++) {
		const struct refusal *r = &u->last[(u->newest + LAST - i) % LAST];
		if (r->at && r->at >= since)
			rc = bytes_add(out, r->line.data, r->line.len);
	}
	return rc;
}

int store_why(uid_t uid, struct bytes *out)
{
	int64_t since = clock_ticks() - 60 * CLOCK_SECOND * MINUTES;
	int rc = bytes_printf(out,
	    "# refusals of uid %u within %d minutes, the newest first; what the kernel refuses by owner and mode is not here\n",
	    uid, MINUTES);

	pthread_mutex_lock(&users.lock);
	const struct user *u = find(uid);
	if (!rc && u)
		rc = add_recent(u, since, out);
	pthread_mutex_unlock(&users.lock);
	return rc;
}
