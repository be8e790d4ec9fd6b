/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/clock.h"

#include <stdio.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_ticks(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_condition(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct timespec clock_at(int64_t ticks)
{
	return (struct timespec){
	    .tv_sec = ticks / CLOCK_SECOND, .tv_nsec = ticks % CLOCK_SECOND};
}

int64_t clock_thread(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

bool clock_past(int64_t seconds)
{
	return seconds <= clock_now() / CLOCK_SECOND;
}

int64_t clock_later(int64_t moment, int64_t seconds)
{
	/* Far dates overflow in nanoseconds: convert only past ones. */
	if (!clock_past(seconds) || seconds * CLOCK_SECOND <= moment)
		return moment;
	return seconds * CLOCK_SECOND;
}

void clock_text(int64_t seconds, char out[CLOCK_TEXT])
{
	time_t t = seconds < CLOCK_MIN	 ? CLOCK_MIN
		   : seconds > CLOCK_MAX ? CLOCK_MAX
					 : seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	/* strftime(3) does not pad %Y */
	snprintf(out, CLOCK_TEXT, "%04d", tm.tm_year + 1900);
	strftime(out + 4, CLOCK_TEXT - 4, "-%m-%dT%H:%M:%SZ", &tm);
}
