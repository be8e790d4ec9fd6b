/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/keeper.h"

#include <errno.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/base/process.h"
#include "store/internal.h"
#include "store/lists/crl.h"
#include "store/lists/notice.h"
#include "store/lists/wait.h"

/* Revocations that come together are signed together, unless somebody waits;
 * how often the lifetimes are looked at. */
#define TOGETHER CLOCK_SECOND
#define LIFETIMES (600 * CLOCK_SECOND)

/* With the lock held: waits for a notice, or until then (clock_ticks). Returns
 * false when it has come. */
static bool wait_until(struct list_notices *n, int64_t until)
{
	struct timespec at = clock_at(until);

	return !pthread_cond_timedwait(&n->wake, &n->lock, &at);
}

/* Waits until there is something to do, at most until then (clock_ticks).
 * Returns false at the end; else *in_job and *hurry are set, if a job gave
 * notice and if somebody waits. */
static bool wait_for_work(
    struct list_notices *n, int64_t until, bool *in_job, bool *hurry)
{
	pthread_mutex_lock(&n->lock);
	while (!n->stopping && !n->due && wait_until(n, until))
		continue;
	until = clock_ticks() + TOGETHER;
	while (n->due && !n->stopping && !n->hurry && wait_until(n, until))
		continue;
	*in_job = n->in_job;
	*hurry = n->hurry;
	n->due = n->in_job = n->hurry = false;
	bool goes_on = !n->stopping;
	pthread_mutex_unlock(&n->lock);
	return goes_on;
}

static int nothing(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	(void)conn;
	(void)batch;
	(void)arg;
	return 0;
}

/* The job that said something may not be committed yet: one behind it is. */
static bool wait_for_commit(struct store *store)
{
	static const struct db_job behind = {.record = nothing};

	return !db_submit(store->db, &behind, NULL);
}

static void *keep(void *arg)
{
	struct store *store = arg;
	int64_t next = clock_ticks();
	bool in_job = false, hurry = false, uncommitted = false;

	while (wait_for_work(&store->notices, next, &in_job, &hurry)) {
		uncommitted = (uncommitted || in_job) &&
			      !wait_for_commit(store);
		bool again = crl_refresh_all(store, hurry);
		again = waits_answer(store) || again || uncommitted;
		next = snapshot_renew_all(store);
		int64_t most = clock_ticks() + (again ? TOGETHER : LIFETIMES);
		if (next > most)
			next = most;
	}
	return NULL;
}

int keeper_start(struct store *store)
{
	int rc = process_start_thread(&store->keeper, keep, store);

	store->notices.running = !rc;
	return rc;
}

void keeper_stop(struct store *store)
{
	struct list_notices *n = &store->notices;

	if (!n->running)
		return;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	pthread_join(store->keeper, NULL);
	n->running = false;
}
