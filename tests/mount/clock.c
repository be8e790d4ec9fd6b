/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Preloaded into the daemon: its clock is off by so many seconds as a file
 * (CLOCK) says, at once. */
static volatile const int64_t *offset;

__attribute__((constructor)) static void map_offset(void)
{
	int fd = open(getenv("CLOCK"), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		abort();
	close(fd);
	offset = at;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME && offset)
		now->tv_sec += *offset;
	return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec at;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &at);
	*now = (struct timeval){
	    .tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	if (out)
		*out = at.tv_sec;
	return at.tv_sec;
}
