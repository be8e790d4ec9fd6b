/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that is off, for what is started with LD_PRELOAD: by $LATER hours.
 * Nothing is shared, and nothing is left behind by what is killed.
 */
#include <stdlib.h>
#include <time.h>

time_t time(time_t *out)
{
	const char *hours = getenv("LATER");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (hours)
		now.tv_sec += atol(hours) * 3600;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
