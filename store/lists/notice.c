/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/base/clock.h"
#include "store/internal.h"

void notice_init(struct list_notices *n)
{
	pthread_mutex_init(&n->lock, NULL);
	pthread_mutex_init(&n->answering, NULL);
	clock_condition(&n->wake);
}

void notice_destroy(struct list_notices *n)
{
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->answering);
	pthread_mutex_destroy(&n->lock);
}

/* With the lock held. */
static void wake(struct list_notices *n)
{
	n->due = true;
	pthread_cond_signal(&n->wake);
}

void notice_wake(struct store *store)
{
	struct list_notices *n = &store->notices;

	pthread_mutex_lock(&n->lock);
	wake(n);
	pthread_mutex_unlock(&n->lock);
}

bool notice_is_due(struct store *store)
{
	struct list_notices *n = &store->notices;

	pthread_mutex_lock(&n->lock);
	bool due = n->due || n->stopping;
	pthread_mutex_unlock(&n->lock);
	return due;
}

/* --- revocations --- */

/* When too many are new, all are forgotten: the next list finds that some are
 * missing, and reads all revoked certificates. */
void notice_revoked(struct db_conn *conn, int64_t issuer, int64_t issued)
{
	struct store *store = db_context(conn);
	struct list_notices *n = &store->notices;

	pthread_mutex_lock(&n->lock);
	if (n->revoked_count == REVOKED_NEW)
		n->revoked_count = 0;
	if (n->running && issued)
		n->revoked[n->revoked_count++] = (struct revoked_new){
		    issuer, issued};
	n->in_job = true;
	wake(n);
	pthread_mutex_unlock(&n->lock);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* A job may have run twice. */
static void sort_unique(struct bytes *ids)
{
	int64_t *id = (int64_t *)ids->data;
	size_t n = ids->len / sizeof(*id), kept = 0;

	if (n)
		qsort(id, n, sizeof(*id), compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || id[i] != id[kept - 1])
			id[kept++] = id[i];
	ids->len = kept * sizeof(*id);
}

int notice_get_revoked(struct store *store, int64_t issuer, struct bytes *ids)
{
	struct list_notices *n = &store->notices;
	int rc = 0;

	pthread_mutex_lock(&n->lock);
	for (int i = 0; i < n->revoked_count && !rc; i++)
		if (n->revoked[i].issuer == issuer)
			rc = bytes_add(ids, &n->revoked[i].issued,
			    sizeof(n->revoked[i].issued));
	pthread_mutex_unlock(&n->lock);
	sort_unique(ids);
	return rc;
}

static bool has(const struct bytes *ids, int64_t id)
{
	return ids->len && bsearch(&id, ids->data, ids->len / sizeof(id),
			       sizeof(id), compare);
}

void notice_listed(struct store *store, int64_t issuer, const struct bytes *ids)
{
	struct list_notices *n = &store->notices;
	int kept = 0;

	pthread_mutex_lock(&n->lock);
	for (int i = 0; i < n->revoked_count; i++)
		if (n->revoked[i].issuer != issuer ||
		    !has(ids, n->revoked[i].issued))
			n->revoked[kept++] = n->revoked[i];
	n->revoked_count = kept;
	pthread_mutex_unlock(&n->lock);
}

/* --- who waits --- */

/* With the lock held. */
static bool is_full(const struct list_notices *n, uid_t uid)
{
	int theirs = 0;

	for (const struct store_wait *w = n->waiting; w; w = w->next)
		theirs += w->uid == uid;
	return n->waiting_count == STORE_WAITS ||
	       (uid && theirs >= STORE_USER_WAITS);
}

int notice_wait(struct store *store, struct store_wait *wait)
{
	struct list_notices *n = &store->notices;
	int rc = 0;

	pthread_mutex_lock(&n->lock);
	if (!n->running || n->stopping || is_full(n, wait->uid)) {
		rc = -EBUSY;
	} else {
		wait->next = n->waiting;
		n->waiting = wait;
		n->waiting_count++;
		n->hurry = true;
		wake(n);
	}
	pthread_mutex_unlock(&n->lock);
	return rc;
}

struct store_wait *notice_take(struct store *store, uint64_t number)
{
	struct list_notices *n = &store->notices;

	pthread_mutex_lock(&n->lock);
	struct store_wait **at = &n->waiting;
	while (*at && number && (*at)->number != number)
		at = &(*at)->next;
	struct store_wait *found = *at;
	if (found) {
		*at = found->next;
		n->waiting_count--;
	}
	pthread_mutex_unlock(&n->lock);
	return found;
}

int notice_waiting(struct store *store, struct store_wait out[STORE_WAITS])
{
	struct list_notices *n = &store->notices;
	int count = 0;

	pthread_mutex_lock(&n->lock);
	for (struct store_wait *w = n->waiting; w; w = w->next)
		out[count++] = *w;
	pthread_mutex_unlock(&n->lock);
	return count;
}

void notice_waits_for(struct store *store, const struct store_wait *what)
{
	struct list_notices *n = &store->notices;

	pthread_mutex_lock(&n->lock);
	for (struct store_wait *w = n->waiting; w; w = w->next)
		if (w->number == what->number) {
			w->cert = what->cert;
			w->revoked = what->revoked;
		}
	pthread_mutex_unlock(&n->lock);
}
