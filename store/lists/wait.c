/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/wait.h"

#include <errno.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/lists/crl.h"
#include "store/lists/notice.h"

/*
 * One list after the other: of each signing certificate (that has issued one of
 * the member's, if it is about a member), the list that has as many revocations
 * as there are when its turn comes.
 */

enum { MINUTE = 60 };

static int read_unlisted(const struct db_row *row, void *arg)
{
	struct store_wait *wait = arg;

	wait->cert = db_int(row, 0);
	wait->revoked = db_int(row, 1);
	return 1;
}

/* Finds the next list to wait for. Returns 0, -ENOENT (none is left) or
 * -errno. */
static int next_list(struct store *store, struct store_wait *wait)
{
	struct db_conn *conn = db_reader(store->db);
	struct db_value seconds = DB_INT(clock_now() / CLOCK_SECOND);

	return wait->member ? db_one(conn, DB_MEMBER_UNLISTED,
				  DB_ARGS(DB_INT(wait->member), seconds,
				      DB_INT(wait->cert)),
				  read_unlisted, wait, -ENOENT)
			    : db_one(conn, DB_CERT_UNLISTED,
				  DB_ARGS(DB_INT(wait->cert), seconds),
				  read_unlisted, wait, -ENOENT);
}

int store_wait_listed(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_wait *wait)
{
	wait->uid = call->uid;
	wait->member = object->kind == STORE_MEMBER ? object->id : 0;
	wait->cert = 0;
	wait->until = clock_ticks() + store->crl_delay + MINUTE * CLOCK_SECOND;
	int rc = next_list(store, wait);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (store->read_only)
		return store_refuse(call, -EROFS,
		    "the revocation list lacks it, and is not signed while the store is mounted read-only");
	rc = notice_wait(store, wait);
	return rc ? store_refuse(call, rc,
			"too many wait for a revocation list: %d, or %d of one user",
			STORE_WAITS, STORE_USER_WAITS)
		  : 1;
}

struct store_wait *store_wait_end(struct store *store, uint64_t number)
{
	pthread_mutex_lock(&store->notices.answering);
	struct store_wait *wait = notice_take(store, number);
	pthread_mutex_unlock(&store->notices.answering);
	return wait ? wait : orders_end(store, number);
}

/* Returns 1 (it goes on), 0, or -errno: no list can be signed. */
static int look_again(struct store *store, struct store_wait *wait)
{
	int rc;

	do {
		rc = crl_has(store, wait->cert, wait->revoked);
		if (rc <= 0)
			return rc ? rc : 1;
		rc = next_list(store, wait);
	} while (!rc);
	return rc == -ENOENT ? 0 : rc;
}

static void answer(struct store *store, uint64_t number, int rc)
{
	pthread_mutex_lock(&store->notices.answering);
	struct store_wait *wait = notice_take(store, number);
	if (wait)
		wait->done(wait, rc);
	pthread_mutex_unlock(&store->notices.answering);
}

bool waits_answer(struct store *store)
{
	struct store_wait waiting[STORE_WAITS];
	int n = notice_waiting(store, waiting), left = 0;

	for (int i = 0; i < n; i++) {
		int rc = look_again(store, &waiting[i]);
		if (rc > 0 && clock_ticks() > waiting[i].until)
			rc = -EBUSY;
		if (rc > 0) {
			notice_waits_for(store, &waiting[i]);
			left++;
			continue;
		}
		answer(store, waiting[i].number, rc);
	}
	return left > 0;
}
