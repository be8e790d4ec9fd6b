/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include <pthread.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"

/* Users share a slot now and then; then they share its line a second too. */
enum { SLOTS = 256 };

static struct {
	pthread_mutex_t lock;
	struct slot {
		int64_t second;
		uid_t uid;
		unsigned long left_out;
	} slot[SLOTS];
} strangers = {.lock = PTHREAD_MUTEX_INITIALIZER};

void refusal_log(const struct store_call *call, const char *doing, const char *path, int error)
{
	report(LOG_NOTICE, "%s %s refused: %s: %s (uid %u, pid %d, %s)", doing, path,
		strerror(-error), call->reason, call->uid, call->pid, call->comm);
}

/* Tells how many were left out in seconds that have passed. */
static void tell_left_out(int64_t second)
{
	for (struct slot *s = strangers.slot; s < strangers.slot + SLOTS; s++) {
		if (!s->left_out || s->second == second)
			continue;
		report(LOG_NOTICE, "%lu more refusals of uid %u were not logged", s->left_out,
			s->uid);
		s->left_out = 0;
	}
}

void refusal_log_stranger(const struct store_call *call, const char *doing, int error)
{
	int64_t second = clock_now() / CLOCK_SECOND;
	struct slot *s = &strangers.slot[call->uid % SLOTS];

	pthread_mutex_lock(&strangers.lock);
	bool quiet = s->second == second;
	if (quiet) {
		s->left_out++;
	} else {
		tell_left_out(second);
		s->second = second;
		s->uid = call->uid;
		report(LOG_NOTICE, "%s refused: %s: %s (uid %u, pid %d, %s)", doing,
			strerror(-error), call->reason, call->uid, call->pid, call->comm);
	}
	pthread_mutex_unlock(&strangers.lock);
}

void refusal_log_rest(void)
{
	pthread_mutex_lock(&strangers.lock);
	tell_left_out(0);
	pthread_mutex_unlock(&strangers.lock);
}
