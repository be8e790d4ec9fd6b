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

/* Of what does not exist yet: its folder's path and its name. NULL with errno set. */
static char *of_new_file(const char *path)
{
	char *copy = strdup(path), *again = strdup(path), *out = NULL;
	char *folder = copy && again ? realpath(dirname(copy), NULL) : NULL;
	struct stat st;

	if (folder && lstat(path, &st) == 0)
		errno = ENOENT; /* a link, made by somebody, to a place we have not looked at */
	else if (folder &&
		 asprintf(&out, "%s/%s", strcmp(folder, "/") ? folder : "", basename(again)) < 0)
		out = NULL;
	free(folder);
	free(copy);
	free(again);
	return out;
}

int path_absolute(char **path, const char *what)
{
	char *out = realpath(*path, NULL);

	if (!out && errno == ENOENT)
		out = of_new_file(*path);
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
