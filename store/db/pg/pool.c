/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/db/pg/pg.h"

/* Links that readers share: each has one only while it reads. */

int pg_connect_to(const struct pg_db *db, int patience_ms, struct pg_link **out)
{
	int64_t until = clock_ticks() + patience_ms * (CLOCK_SECOND / 1000);
	int rc = pg_connect(db->where, patience_ms, out);

	if (!rc) {
		(*out)->deadline = &until;
		rc = pg_use_schema(*out, db->schema);
	}
	if (!rc && db->read_only)
		rc = pg_exec(*out, "SET default_transaction_read_only = on");
	if (!rc)
		(*out)->deadline = NULL;
	if (rc) {
		pg_disconnect(*out);
		*out = NULL;
	}
	return rc;
}

/* With pool_lock held: waits until a link is idle, or may be made. */
static int wait_for_link(struct pg_db *db, int64_t until)
{
	struct timespec at = clock_at(until);
	int rc = 0;

	while (!db->idle && db->links >= PG_POOL && !rc)
		rc = pthread_cond_timedwait(&db->returned, &db->pool_lock, &at);
	return rc;
}

/* With pool_lock held: an idle link, or none and the right to make one. */
static struct pg_link *take_idle(struct pg_db *db)
{
	struct pg_link *link = db->idle;

	if (link)
		db->idle = link->next;
	else
		db->links++;
	return link;
}

static void give_up_link(struct pg_db *db)
{
	pthread_mutex_lock(&db->pool_lock);
	db->links--;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->pool_lock);
}

/* A new one; after a failure, for a second none is tried, so that threads do
 * not queue for a server that is away. */
static struct pg_link *make_link(struct pg_db *db, int64_t until)
{
	struct pg_link *link = NULL;
	int64_t now = clock_ticks(),
		left = (until - now) / (CLOCK_SECOND / 1000);
	unsigned int generation = __atomic_load_n(
	    &db->generation, __ATOMIC_RELAXED);

	if (left > 0 && now >= __atomic_load_n(&db->refuse, __ATOMIC_RELAXED) &&
	    pg_connect_to(db, (int)left, &link))
		__atomic_store_n(&db->refuse, clock_ticks() + CLOCK_SECOND,
		    __ATOMIC_RELAXED);
	if (!link)
		give_up_link(db);
	else
		link->generation = generation;
	return link;
}

struct pg_link *pg_acquire(struct pg_conn *conn)
{
	struct pg_db *db = conn->base.db->handle;
	int64_t until = clock_ticks() + pg_patience_ms * (CLOCK_SECOND / 1000);

	if (conn->link) {
		conn->uses++;
		return conn->link;
	}
	pthread_mutex_lock(&db->pool_lock);
	int rc = wait_for_link(db, until);
	struct pg_link *link = rc ? NULL : take_idle(db);
	pthread_mutex_unlock(&db->pool_lock);
	if (link && (pg_is_lost(link) ||
			link->generation != __atomic_load_n(&db->generation,
						__ATOMIC_RELAXED))) {
		pg_disconnect(link);
		link = NULL;
	}
	if (!link && !rc)
		link = make_link(db, until);
	conn->link = link;
	conn->uses = link ? 1 : 0;
	return link;
}

void pg_release(struct pg_conn *conn)
{
	struct pg_db *db = conn->base.db->handle;
	struct pg_link *link = conn->link;

	if (--conn->uses || conn == &db->writer)
		return;
	conn->link = NULL;
	if (pg_is_lost(link)) {
		pg_disconnect(link);
		give_up_link(db);
		return;
	}
	pthread_mutex_lock(&db->pool_lock);
	link->next = db->idle;
	db->idle = link;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->pool_lock);
}
