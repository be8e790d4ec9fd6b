/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/report.h"

enum { LINKS = 8 };

static char *below(const char *folder, const char *name)
{
	char *out;

	if (*name == '/')
		return strdup(name);
	return asprintf(&out, "%s/%s", strcmp(folder, "/") ? folder : "", name) < 0 ? NULL : out;
}

/*
 * Where a path ends that is a link. Root follows only links of root's: whoever owns the directory
 * could lead it anywhere. What is looked at is what is read, however fast it is replaced.
 */
static char *follow(int link, const char *folder, int left);

/* The folder's path and the name, which need not exist. NULL with errno set. */
static char *resolve(const char *path, int left)
{
	char *copy = strdup(path), *again = strdup(path), *out = NULL;
	char *folder = copy && again ? realpath(dirname(copy), NULL) : NULL;
	const char *name = folder ? basename(again) : "";
	struct stat st;

	if (folder && (strspn(name, "./") == strlen(name)))
		out = realpath(path, NULL);
	else if (folder)
		out = below(folder, name);
	int fd = out ? open(out, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		free(out);
		out = NULL;
		errno = ELOOP;
		if (left > 0 && (geteuid() != 0 || st.st_uid == 0))
			out = follow(fd, folder, left - 1);
	}
	if (fd >= 0)
		close(fd);
	free(folder);
	free(copy);
	free(again);
	return out;
}

static char *follow(int link, const char *folder, int left)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	char *at = below(folder, target);
	/* a link, made by somebody, to a place we have not looked at */
	char *out = at && lstat(at, &st) == 0 ? resolve(at, left) : NULL;
	free(at);
	return out;
}

int path_absolute(char **path, const char *what)
{
	char *out = resolve(*path, LINKS);

	if (!out) {
		report(LOG_ERR, "%s %s: %s", what, *path, strerror(errno));
		return -1;
	}
	free(*path);
	*path = out;
	return 0;
}

int path_absolute_copy(const char *path, const char *what, char **out)
{
	*out = path ? strdup(path) : NULL;
	if (!path)
		return 0;
	return *out ? path_absolute(out, what) : -1;
}

int path_sync(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}
