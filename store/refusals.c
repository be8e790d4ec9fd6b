/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include <pthread.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

/* Users share a slot now and then; then they share its lines too. */
enum { SLOTS = 256, LINES_A_SECOND = 50 };

static struct {
	pthread_mutex_t lock;
	struct slot {
		int64_t second;
		uid_t uid;
		int lines; /* in that second */
		unsigned long left_out;
	} slot[SLOTS];
} users = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Tells how many were left out in seconds that have passed. */
static void tell_left_out(int64_t second)
{
	for (struct slot *s = users.slot; s < users.slot + SLOTS; s++) {
		if (!s->left_out || s->second == second)
			continue;
		report(LOG_NOTICE, "%lu more refusals of uid %u were not logged", s->left_out,
			s->uid);
		s->left_out = 0;
	}
}

/* At most so many lines a second for each user. */
static void tell(struct store *store, const struct store_call *call, const char *action,
	const char *object, int error, int most)
{
	int64_t second = clock_now() / CLOCK_SECOND;
	struct slot *s = &users.slot[call->uid % SLOTS];

	metrics_refused(store, error);
	pthread_mutex_lock(&users.lock);
	if (s->second != second) {
		tell_left_out(second);
		s->second = second;
		s->lines = 0;
	}
	s->uid = call->uid;
	bool quiet = s->lines >= most;
	if (quiet) {
		s->left_out++;
	} else {
		s->lines++;
		report(LOG_NOTICE, "%s%s%s refused: %s: %s (uid %u, pid %d, %s)", action,
			object[0] ? " " : "", object, strerror(-error), call->reason, call->uid,
			call->pid, call->comm);
	}
	pthread_mutex_unlock(&users.lock);
	if (!quiet)
		audit_post(store, call, action, object, error);
}

void store_log_refusal(struct store *store, const struct store_call *call, const char *action,
	const char *object, int error)
{
	tell(store, call, action, object, error, LINES_A_SECOND);
}

void refusal_log_stranger(
	struct store *store, const struct store_call *call, const char *action, int error)
{
	tell(store, call, action, "", error, 1);
}

void refusal_log_rest(void)
{
	pthread_mutex_lock(&users.lock);
	tell_left_out(0);
	pthread_mutex_unlock(&users.lock);
}
