/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fair.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"

/* A user with requests of one kind. It is there as long as one of them is. */
struct account {
	uid_t uid;
	bool changes;
	int working, waiting;
	int paused;   /* of those that are worked on, see fair_pause */
	size_t bytes; /* of those that wait */
	struct fair_request *first, *last;
	struct account
	    *next; /* in the ring; those behind have their turn first */
};

struct fair {
	pthread_mutex_t lock;
	int most, cpus;
	uid_t owner;
	int working, of_users; /* the latter without those of has_reserve */
	int waiting;
	size_t bytes;
	/* A ring; `turn` had its turn last. NULL: nobody has requests. */
	struct account *turn;
};

struct fair *fair_new(int most, int cpus, uid_t owner)
{
	struct fair *fair = calloc(1, sizeof(*fair));

	if (!fair)
		return NULL;
	fair->most = most;
	fair->cpus = cpus > FAIR_RUNNING ? cpus : FAIR_RUNNING;
	fair->owner = owner;
	pthread_mutex_init(&fair->lock, NULL);
	return fair;
}

void fair_drop(struct fair_request *request)
{
	if (!request)
		return;
	explicit_bzero(request->data, request->len);
	free(request->data);
	free(request);
}

static struct account *find(const struct fair *fair, uid_t uid, bool changes)
{
	struct account *a = fair->turn;

	if (!a)
		return NULL;
	do {
		a = a->next;
		if (a->uid == uid && a->changes == changes)
			return a;
	} while (a != fair->turn);
	return NULL;
}

/* NULL: no memory. */
static struct account *find_or_add(struct fair *fair, uid_t uid, bool changes)
{
	struct account *a = find(fair, uid, changes);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->uid = uid;
	a->changes = changes;
	a->next = fair->turn ? fair->turn->next : a;
	if (fair->turn)
		fair->turn->next = a;
	fair->turn = a;
	return a;
}

static void remove_if_unused(struct fair *fair, struct account *a)
{
	struct account *before = a;

	if (a->working || a->waiting)
		return;
	while (before->next != a)
		before = before->next;
	before->next = a->next;
	if (fair->turn == a)
		fair->turn = before == a ? NULL : before;
	free(a);
}

static bool has_reserve(const struct fair *fair, uid_t uid)
{
	return uid == 0 || uid == fair->owner;
}

static bool may_work(const struct fair *fair, const struct account *a)
{
	if (fair->working >= fair->most)
		return false;
	return has_reserve(fair, a->uid) ||
	       (a->working < FAIR_SHARE &&
		   a->working - a->paused < fair->cpus &&
		   fair->of_users < fair->most - FAIR_RESERVE);
}

static void begin(struct fair *fair, struct account *a)
{
	a->working++;
	fair->working++;
	fair->of_users += !has_reserve(fair, a->uid);
}

/* --- those that wait --- */

static bool has_room(
    const struct fair *fair, const struct account *a, size_t len)
{
	return a->waiting < FAIR_WAITING && fair->waiting < FAIR_WAITING_ALL &&
	       len <= FAIR_BYTES_PER_USER - a->bytes &&
	       len <= FAIR_BYTES - fair->bytes;
}

static struct fair_request *copy(
    uid_t uid, bool changes, const void *data, size_t len)
{
	struct fair_request *r = calloc(1, sizeof(*r));
	void *bytes = r ? malloc(len) : NULL;

	if (!bytes) {
		free(r);
		return NULL;
	}
	memcpy(bytes, data, len);
	*r = (struct fair_request){.uid = uid,
	    .changes = changes,
	    .data = bytes,
	    .len = len,
	    .since = clock_ticks()};
	return r;
}

static int wait_in(
    struct fair *fair, struct account *a, const void *data, size_t len)
{
	if (!has_room(fair, a, len))
		return -EBUSY;
	struct fair_request *r = copy(a->uid, a->changes, data, len);
	if (!r)
		return -ENOMEM;
	if (a->first)
		a->last->next = r;
	else
		a->first = r;
	a->last = r;
	a->waiting++;
	a->bytes += len;
	fair->waiting++;
	fair->bytes += len;
	return 0;
}

static struct fair_request *take(struct fair *fair, struct account *a)
{
	struct fair_request *r = a->first;

	a->first = r->next;
	r->next = NULL;
	a->waiting--;
	a->bytes -= r->len;
	fair->waiting--;
	fair->bytes -= r->len;
	return r;
}

void fair_free(struct fair *fair)
{
	if (!fair)
		return;
	while (fair->turn) {
		struct account *a = fair->turn;
		while (a->waiting)
			fair_drop(take(fair, a));
		a->working = 0;
		remove_if_unused(fair, a);
	}
	pthread_mutex_destroy(&fair->lock);
	free(fair);
}

/* --- */

int fair_enter(
    struct fair *fair, uid_t uid, bool changes, const void *data, size_t len)
{
	int rc = -ENOMEM;

	pthread_mutex_lock(&fair->lock);
	struct account *a = find_or_add(fair, uid, changes);
	if (a && !a->waiting && may_work(fair, a)) {
		begin(fair, a);
		rc = 1;
	} else if (a) {
		rc = wait_in(fair, a, data, len);
		remove_if_unused(fair, a);
	}
	pthread_mutex_unlock(&fair->lock);
	return rc;
}

/* Whose turn it is, of those with a request that may be worked on; or NULL. */
static struct account *next_account(const struct fair *fair)
{
	struct account *a = fair->turn;

	if (!a || !fair->waiting)
		return NULL;
	do {
		a = a->next;
		if (a->waiting && may_work(fair, a))
			return a;
	} while (a != fair->turn);
	return NULL;
}

static struct fair_request *next(struct fair *fair)
{
	struct account *a = next_account(fair);

	if (!a)
		return NULL;
	fair->turn = a;
	begin(fair, a);
	return take(fair, a);
}

struct fair_request *fair_next(struct fair *fair)
{
	pthread_mutex_lock(&fair->lock);
	struct fair_request *r = next(fair);
	pthread_mutex_unlock(&fair->lock);
	return r;
}

bool fair_pause(struct fair *fair, uid_t uid, bool changes)
{
	pthread_mutex_lock(&fair->lock);
	struct account *a = find(fair, uid, changes);
	if (a) /* as it has entered */
		a->paused++;
	bool more = next_account(fair);
	pthread_mutex_unlock(&fair->lock);
	return more;
}

struct fair_request *fair_leave(
    struct fair *fair, uid_t uid, bool changes, bool paused)
{
	pthread_mutex_lock(&fair->lock);
	struct fair_request *r = NULL;
	struct account *a = find(fair, uid, changes);
	if (a) { /* as it has entered */
		a->working--;
		a->paused -= paused;
		fair->working--;
		fair->of_users -= !has_reserve(fair, uid);
		r = next(fair);
		remove_if_unused(fair, a);
	}
	pthread_mutex_unlock(&fair->lock);
	return r;
}

struct fair_request *fair_expired(struct fair *fair, int64_t now)
{
	struct fair_request *r = NULL;

	pthread_mutex_lock(&fair->lock);
	struct account *a = fair->turn;
	while (a && !r) {
		a = a->next;
		if (a->waiting &&
		    now - a->first->since >= FAIR_WAIT_SECONDS * CLOCK_SECOND) {
			r = take(fair, a);
			remove_if_unused(fair, a);
		} else if (a == fair->turn) {
			break;
		}
	}
	pthread_mutex_unlock(&fair->lock);
	return r;
}
