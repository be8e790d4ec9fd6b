/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include <pthread.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"

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
static void tell(const struct store_call *call, const char *what, int error, int most)
{
	int64_t second = clock_now() / CLOCK_SECOND;
	struct slot *s = &users.slot[call->uid % SLOTS];

	pthread_mutex_lock(&users.lock);
	if (s->second != second) {
		tell_left_out(second);
		s->second = second;
		s->lines = 0;
	}
	s->uid = call->uid;
	if (s->lines >= most) {
		s->left_out++;
	} else {
		s->lines++;
		report(LOG_NOTICE, "%s refused: %s: %s (uid %u, pid %d, %s)", what,
			strerror(-error), call->reason, call->uid, call->pid, call->comm);
	}
	pthread_mutex_unlock(&users.lock);
}

void store_log_refusal(const struct store_call *call, const char *what, int error)
{
	tell(call, what, error, LINES_A_SECOND);
}

void refusal_log_stranger(const struct store_call *call, const char *what, int error)
{
	tell(call, what, error, 1);
}

void refusal_log_rest(void)
{
	pthread_mutex_lock(&users.lock);
	tell_left_out(0);
	pthread_mutex_unlock(&users.lock);
}
