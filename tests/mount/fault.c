/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Preloaded into the daemon: what it writes to its store fails when faults.py
 * says so, through a file (FAULTS) that both have mapped: so many writes from
 * now, so many of them, with this errno; if it is negative, behind half of what
 * was to be written.
 */
struct control {
	_Atomic int32_t after, count, error, hits;
};

static struct control *control(void)
{
	static struct control *mapped;
	const char *path = getenv("FAULTS");

	if (!mapped && path) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		void *at = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
		close(fd);
		if (at == MAP_FAILED)
			abort();
		mapped = at;
	}
	return mapped;
}

static int fails(int fd)
{
	struct control *c = control();
	char link[32], path[4096];

	/* a write that was in flight when it was told to stop counts below 0 */
	if (!c || c->count <= 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	const char *name = strrchr(path, '/');
	if (!name || strncmp(name, "/store", 6) != 0 || c->after-- > 0)
		return 0;
	c->count--;
	c->hits++;
	errno = c->error < 0 ? -c->error : c->error;
	return c->error < 0 ? 2 : 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	int how = fails(fd), error = errno;

	if (!how)
		return REAL(pwrite64)(fd, data, size, offset);
	if (how == 2 && REAL(pwrite64)(fd, data, size / 2, offset) < 0)
		return -1;
	errno = error;
	return -1;
}

int ftruncate64(int fd, off64_t len)
{
	return fails(fd) ? -1 : REAL(ftruncate64)(fd, len);
}

int fdatasync(int fd)
{
	return fails(fd) ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
	return fails(fd) ? -1 : REAL(fsync)(fd);
}
