/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/orders.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/base/process.h"
#include "store/internal.h"
#include "store/revocation.h"

/* Behind a failure, and until a step is missed: another host carries it out as
 * long as it takes steps. */
#define RETRY (10 * CLOCK_SECOND)

void orders_init(struct orders *o)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->answering, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&o->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void orders_destroy(struct orders *o)
{
	pthread_cond_destroy(&o->wake);
	pthread_mutex_destroy(&o->answering);
	pthread_mutex_destroy(&o->lock);
}

/* --- who waits --- */

/* With the lock held. */
static bool is_full(const struct orders *o, uid_t uid)
{
	int theirs = 0;

	for (const struct store_wait *w = o->waiting; w; w = w->next)
		theirs += w->uid == uid;
	return o->waiting_count == STORE_WAITS ||
	       (uid && theirs >= STORE_USER_WAITS);
}

static int add_wait(struct orders *o, struct store_wait *wait)
{
	int rc = 1;

	pthread_mutex_lock(&o->lock);
	if (!o->running || o->stopping) {
		rc = 0;
	} else if (is_full(o, wait->uid)) {
		rc = -EBUSY;
	} else {
		wait->next = o->waiting;
		o->waiting = wait;
		o->waiting_count++;
	}
	o->due = true;
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

int store_wait_order(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_wait *wait)
{
	wait->uid = call->uid;
	wait->kind = object->kind;
	wait->object = object->id;
	int rc = add_wait(&store->orders, wait);

	return rc < 0
		   ? store_refuse(call, rc,
			 "the order stands, but too many wait for theirs: %d, or %d of one user; see revocation",
			 STORE_WAITS, STORE_USER_WAITS)
		   : rc;
}

/* Takes out the one with this number (0: any), or NULL. */
static struct store_wait *take(struct orders *o, uint64_t number)
{
	pthread_mutex_lock(&o->lock);
	struct store_wait **at = &o->waiting;
	while (*at && number && (*at)->number != number)
		at = &(*at)->next;
	struct store_wait *found = *at;
	if (found) {
		*at = found->next;
		o->waiting_count--;
	}
	pthread_mutex_unlock(&o->lock);
	return found;
}

struct store_wait *orders_end(struct store *store, uint64_t number)
{
	pthread_mutex_lock(&store->orders.answering);
	struct store_wait *wait = take(&store->orders, number);
	pthread_mutex_unlock(&store->orders.answering);
	return wait;
}

/* Copies those that wait. Returns their number. */
static int copy_waiting(struct orders *o, struct store_wait out[STORE_WAITS])
{
	int count = 0;

	pthread_mutex_lock(&o->lock);
	for (struct store_wait *w = o->waiting; w; w = w->next)
		out[count++] = *w;
	pthread_mutex_unlock(&o->lock);
	return count;
}

static bool waits_for(const struct store_wait *w, const struct order *order)
{
	return w->kind == order->kind && w->object == order->id;
}

static void answer(struct store *store, uint64_t number, int rc)
{
	struct orders *o = &store->orders;

	pthread_mutex_lock(&o->answering);
	struct store_wait *wait = take(o, number);
	if (wait)
		wait->done(wait, rc);
	pthread_mutex_unlock(&o->answering);
}

/* --- what is to be done --- */

/* The unfinished orders that are carried out here. */
struct round {
	struct store *store;
	struct store_wait waiting[STORE_WAITS];
	int waiting_count;
	bool all;    /* whoever gave them */
	bool others; /* some are carried out by another host, maybe */
	struct order order[ORDERS_MAX];
	int count;
};

static bool is_mine(const struct round *r, const struct order *order)
{
	const struct orders *o = &r->store->orders;
	int64_t now = clock_now();

	for (int i = 0; i < o->mine_count; i++)
		if (o->mine[i].kind == order->kind && o->mine[i].id == order->id)
			return true;
	for (int i = 0; i < r->waiting_count; i++)
		if (waits_for(&r->waiting[i], order))
			return true;
	return r->all || order->at > now || now - order->at > RETRY;
}

static int take_order(const struct order *order, void *arg)
{
	struct round *r = arg;

	if (!is_mine(r, order))
		r->others = true;
	else
		r->order[r->count++] = *order;
	return r->count == ORDERS_MAX;
}

/* Answers those whose order is not among the unfinished ones. */
static void answer_ended(const struct round *r)
{
	for (int i = 0; i < r->waiting_count; i++) {
		bool unfinished = false;
		for (int n = 0; n < r->count && !unfinished; n++)
			unfinished = waits_for(&r->waiting[i], &r->order[n]);
		if (!unfinished && r->count < ORDERS_MAX)
			answer(r->store, r->waiting[i].number, 0);
	}
}

static void answer_failed(const struct round *r, int rc)
{
	for (int i = 0; i < r->waiting_count; i++)
		answer(r->store, r->waiting[i].number, rc);
}

/* A step of each. Returns the time that they took, or -errno. */
static int64_t take_steps(struct round *r)
{
	int64_t took = 0;

	for (int i = 0; i < r->count; i++) {
		int rc = db_submit(r->store->db, &order_job, &r->order[i]);
		if (rc < 0)
			return rc;
		took += r->order[i].took;
	}
	return took;
}

/* --- the thread --- */

/* Waits until something is said, or for so many ticks (0: any number). Returns
 * false at the end. */
static bool wait_for(struct orders *o, int64_t ticks)
{
	struct timespec until = clock_at(clock_ticks() + ticks);
	bool timed_out = false;

	pthread_mutex_lock(&o->lock);
	while (!o->stopping && !o->due && !timed_out)
		timed_out = ticks ? pthread_cond_timedwait(
					&o->wake, &o->lock, &until)
				  : pthread_cond_wait(&o->wake, &o->lock);
	o->due = false;
	bool goes_on = !o->stopping;
	pthread_mutex_unlock(&o->lock);
	return goes_on;
}

/* Carries out a step of each order. Returns how long to wait then, 0: until
 * there is another. Twice as long as the steps took: the most of the time is
 * left to those who enroll meanwhile. */
static int64_t work(struct store *store, struct round *r)
{
	struct orders *o = &store->orders;

	r->store = store;
	r->count = 0;
	r->others = false;
	/* first: an order is recorded before anybody waits for its end */
	r->waiting_count = copy_waiting(o, r->waiting);
	int rc = order_each(db_reader(store->db), take_order, r);
	if (!rc)
		answer_ended(r);
	int64_t took = rc ? rc : take_steps(r);
	if (took < 0)
		answer_failed(r, (int)took);
	memcpy(o->mine, r->order, sizeof(o->mine));
	o->mine_count = r->count;
	if (took < 0)
		return RETRY;
	return r->count ? 2 * took + 1 : r->others ? RETRY : 0;
}

static void *carry_out(void *arg)
{
	struct store *store = arg;
	struct round round = {.all = true};
	int64_t pause;

	do {
		pause = work(store, &round);
		round.all = false;
	} while (wait_for(&store->orders, pause));
	return NULL;
}

int orders_start(struct store *store)
{
	store->orders.running = true;
	int rc = process_start_thread(&store->orders.thread, carry_out, store);

	if (rc)
		store->orders.running = false;
	return rc;
}

void orders_stop(struct store *store)
{
	struct orders *o = &store->orders;

	if (!o->running)
		return;
	pthread_mutex_lock(&o->lock);
	o->stopping = true;
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	o->running = false;
}

void orders_wake(struct store *store)
{
	struct orders *o = &store->orders;

	pthread_mutex_lock(&o->lock);
	o->due = true;
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
}
