/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/keeper.h"

#include <errno.h>
#include <time.h>

#include "store/base/process.h"
#include "store/internal.h"
#include "store/lists/crl.h"

/* Seconds: revocations that come together are signed together; how often the
 * lifetimes are looked at. */
enum { TOGETHER = 1, LIFETIMES = 600 };

/* Waits for a revocation, at most so many seconds. Returns false at the end. */
static bool wait_for_work(
    struct list_keeper *k, int seconds, bool for_revocation)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping && !(for_revocation && k->revoked) &&
	       !pthread_cond_timedwait(&k->wake, &k->lock, &until))
		continue;
	bool goes_on = !k->stopping;
	pthread_mutex_unlock(&k->lock);
	return goes_on;
}

static int nothing(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	(void)conn;
	(void)batch;
	(void)arg;
	return 0;
}

/* The job that said so may not be committed yet: one behind it is. */
static void refresh_all(struct store *store)
{
	static const struct db_job behind = {.record = nothing};
	struct list_keeper *k = &store->keeper;

	pthread_mutex_lock(&k->lock);
	bool revoked = k->revoked;
	k->revoked = false;
	pthread_mutex_unlock(&k->lock);
	if (revoked)
		db_submit(store->db, &behind, NULL);
	if (!crl_refresh_all(store))
		return;
	pthread_mutex_lock(&k->lock);
	k->revoked = true;
	pthread_mutex_unlock(&k->lock);
}

static void *keep(void *arg)
{
	struct store *store = arg;

	while (wait_for_work(&store->keeper, LIFETIMES, true) &&
	       wait_for_work(&store->keeper, TOGETHER, false))
		refresh_all(store);
	return NULL;
}

int keeper_start(struct store *store)
{
	struct list_keeper *k = &store->keeper;

	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	int rc = process_start_thread(&k->thread, keep, store);
	k->running = !rc;
	return rc;
}

void keeper_stop(struct store *store)
{
	struct list_keeper *k = &store->keeper;

	if (!k->running)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	k->running = false;
}

void keeper_revoked(struct db_conn *conn)
{
	keeper_look(db_context(conn));
}

void keeper_look(struct store *store)
{
	struct list_keeper *k = &store->keeper;

	if (!k->running)
		return;
	pthread_mutex_lock(&k->lock);
	k->revoked = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}
