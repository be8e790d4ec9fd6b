/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Preloaded into the daemon: what it writes to its store, and when it has that
 * written to disk, goes to the file TRACE, for powerloss.py. A record: time (8
 * bytes), what (4: W write, T truncate, S sync), which file (4: 0 the store, 1
 * its log), offset or length (8), how many bytes follow (8).
 */
struct record {
	int64_t time;
	uint32_t what, file;
	uint64_t offset, len;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* 0 the store, 1 its log, -1 anything else. */
static int which(int fd)
{
	char link[32], path[4096];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -1;
	path[n] = '\0';
	const char *name = strrchr(path, '/');
	return !name				 ? -1
	       : strcmp(name, "/store") == 0	 ? 0
	       : strcmp(name, "/store-wal") == 0 ? 1
						 : -1;
}

static void note(
    int fd, char what, uint64_t offset, const void *data, uint64_t len)
{
	static int trace = -1;
	int file = which(fd);
	struct timespec now;

	if (file < 0 || !getenv("TRACE"))
		return;
	pthread_mutex_lock(&lock);
	if (trace < 0)
		trace = open(getenv("TRACE"),
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	clock_gettime(CLOCK_MONOTONIC, &now);
	struct record r = {
	    .time = now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
	    .what = (unsigned char)what,
	    .file = (uint32_t)file,
	    .offset = offset,
	    .len = len};
	if (write(trace, &r, sizeof(r)) != sizeof(r) ||
	    write(trace, data, len) != (ssize_t)len)
		abort();
	pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = (ssize_t(*)(
	    int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");

	note(fd, 'W', (uint64_t)offset, data, size);
	return real(fd, data, size, offset);
}

int ftruncate64(int fd, off64_t len)
{
	int (*real)(int, off64_t) = (int (*)(int, off64_t))dlsym(
	    RTLD_NEXT, "ftruncate64");

	note(fd, 'T', (uint64_t)len, "", 0);
	return real(fd, len);
}

static int synced(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int rc = real(fd);

	if (rc == 0)
		note(fd, 'S', 0, "", 0);
	return rc;
}

int fdatasync(int fd)
{
	return synced("fdatasync", fd);
}

int fsync(int fd)
{
	return synced("fsync", fd);
}
