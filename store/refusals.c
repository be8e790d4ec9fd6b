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
	struct {
		int64_t second;
		unsigned long left_out;
	} slot[SLOTS];
} strangers = {.lock = PTHREAD_MUTEX_INITIALIZER};

void refusal_log(const struct store_call *call, const char *key_path, int error)
{
	report(LOG_NOTICE, "enrolling with %s refused: %s: %s (uid %u, pid %d, %s)", key_path,
		strerror(-error), call->reason, call->uid, call->pid, call->comm);
}

void refusal_log_stranger(const struct store_call *call, int error)
{
	int64_t second = clock_now() / CLOCK_SECOND;
	unsigned long left_out = 0;

	pthread_mutex_lock(&strangers.lock);
	bool quiet = strangers.slot[call->uid % SLOTS].second == second;
	if (quiet) {
		strangers.slot[call->uid % SLOTS].left_out++;
	} else {
		strangers.slot[call->uid % SLOTS].second = second;
		left_out = strangers.slot[call->uid % SLOTS].left_out;
		strangers.slot[call->uid % SLOTS].left_out = 0;
	}
	pthread_mutex_unlock(&strangers.lock);
	if (quiet)
		return;
	if (left_out)
		report(LOG_NOTICE, "%lu more refusals of uid %u were not logged", left_out,
			call->uid);
	report(LOG_NOTICE, "enrolling refused: %s: %s (uid %u, pid %d, %s)", strerror(-error),
		call->reason, call->uid, call->pid, call->comm);
}
