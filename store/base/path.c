/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/base/report.h"

enum { LINKS = 40 }; /* the kernel's limit (path_resolution(7)) */

static char *join(const char *folder, const char *name)
{
	char *out;

	if (*name == '/')
		return strdup(name);
	return asprintf(
		   &out, "%s/%s", strcmp(folder, "/") ? folder : "", name) < 0
		   ? NULL
		   : out;
}

/*
 * Resolves a symbolic link, opened with O_PATH: check and use see the same link
 * even if its directory's owner replaces it meanwhile.
 */
static char *follow(int link, const char *folder, int *left);
static char *resolve(const char *path, int *left);

/* Resolves the directory part of a path. NULL with errno set. */
static char *resolve_parent(const char *path, int *left)
{
	char *copy = strdup(path);
	const char *folder = copy ? dirname(copy) : "";
	struct stat st;
	char *out;

	if (strcmp(folder, ".") == 0 || strspn(folder, "/") == strlen(folder))
		out = copy ? realpath(folder, NULL) : NULL;
	else
		out = resolve(folder, left);
	int rc = !out || lstat(out, &st) ? errno
		 : S_ISDIR(st.st_mode)	 ? 0
					 : ENOTDIR;
	if (rc) {
		free(out);
		out = NULL;
		errno = rc;
	}
	free(copy);
	return out;
}

/* Resolves a name in a resolved directory. As root, it follows only links that
 * root owns: the owner of another could point it anywhere. */
static char *resolve_name(const char *folder, const char *name, int *left)
{
	const char *up = strrchr(folder, '/');
	struct stat st;
	char *out;

	if (strcmp(name, ".") == 0 || *name == '/')
		return strdup(folder);
	if (strcmp(name, "..") == 0)
		return strndup(folder, up > folder ? (size_t)(up - folder) : 1);
	out = join(folder, name);
	int fd = out ? open(out, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		free(out);
		out = NULL;
		errno = ELOOP;
		if ((*left)-- > 0 && (geteuid() != 0 || st.st_uid == 0))
			out = follow(fd, folder, left);
	}
	if (fd >= 0)
		close(fd);
	return out;
}

/* Resolves a path; the last name need not exist. NULL with errno set. */
static char *resolve(const char *path, int *left)
{
	size_t len = strlen(path);

	if (len == 0 || len >= PATH_MAX) {
		errno = len ? ENAMETOOLONG : ENOENT;
		return NULL;
	}
	char *folder = resolve_parent(path, left),
	     *copy = folder ? strdup(path) : NULL;
	char *out = copy ? resolve_name(folder, basename(copy), left) : NULL;
	free(folder);
	free(copy);
	return out;
}

static char *follow(int link, const char *folder, int *left)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	char *at = join(folder, target);
	/* the target must exist, and may be a link itself */
	char *out = at && lstat(at, &st) == 0 ? resolve(at, left) : NULL;
	free(at);
	return out;
}

int path_absolute(char **path, const char *what)
{
	int left = LINKS;
	char *out = resolve(*path, &left);

	if (!out) {
		report(LOG_ERR, "%s %s: %s", what, *path, strerror(errno));
		return -1;
	}
	free(*path);
	*path = out;
	return 0;
}

int path_open(const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
	    .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	/* before Linux 5.6; seccomp */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

int path_absolute_copy(const char *path, const char *what, char **out)
{
	*out = path ? strdup(path) : NULL;
	if (!path)
		return 0;
	return *out ? path_absolute(out, what) : -1;
}

bool path_below_open(const char *path, int directory)
{
	char at[PATH_MAX];
	struct stat want, st;

	if (fstat(directory, &want) ||
	    snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return false;
	while (strcmp(at, "/") != 0) {
		char *up = dirname(at);
		memmove(at, up, strlen(up) + 1);
		if (!stat(at, &st) && st.st_dev == want.st_dev &&
		    st.st_ino == want.st_ino)
			return true;
	}
	return false;
}

bool path_below(const char *path, const char *directory)
{
	int fd = open(directory, O_PATH | O_CLOEXEC);
	bool below = fd >= 0 && path_below_open(path, fd);

	if (fd >= 0)
		close(fd);
	return below;
}

int path_sync(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	return path_sync_directory(AT_FDCWD, dirname(copy));
}

int path_sync_directory(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}
