/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Preloaded into the daemon: kills it at a named point, as kill -9 does, when
 * it has come there so often: KILL_AT=before-commit:17, or after-commit (it is
 * on disk, and nobody has been answered), within-write (half of it is written:
 * of a transaction, if it is not long), before-reply (of anything).
 */
static int is_at(const char *point)
{
	static _Atomic int count;
	const char *want = getenv("KILL_AT");
	size_t len = strlen(point);

	return want && strncmp(want, point, len) == 0 && want[len] == ':' &&
	       atomic_fetch_add(&count, 1) + 1 == atoi(want + len + 1);
}

static void die(void)
{
	syscall(
	    SYS_tgkill, getpid(), gettid(), SIGKILL); /* all that it may send */
}

static void at(const char *point)
{
	if (is_at(point))
		die();
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

	at("before-commit");
	int rc = real(fd);
	at("after-commit");
	return rc;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = (ssize_t(*)(
	    int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");

	if (is_at("within-write")) {
		real(fd, data, size / 2, offset);
		die();
	}
	return real(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t (*real)(int, const struct iovec *, int) = (ssize_t(*)(
	    int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");

	at("before-reply");
	return real(fd, parts, count);
}

/* Where a file gets another name: before-name, after-name. */
int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = (int (*)(
	    const char *, const char *))dlsym(RTLD_NEXT, "rename");

	at("before-name");
	int rc = real(from, to);
	at("after-name");
	return rc;
}

int renameat(int dir, const char *from, int other, const char *to)
{
	int (*real)(int, const char *, int, const char *) = (int (*)(
	    int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");

	at("before-name");
	int rc = real(dir, from, other, to);
	at("after-name");
	return rc;
}
