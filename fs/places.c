/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/places.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

int place_absolute(char **path, const char *what)
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

bool place_below(const char *path, const char *directory)
{
	char at[PATH_MAX];
	struct stat want, st;

	if (stat(directory, &want) || snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return false;
	while (strcmp(at, "/") != 0) {
		char *up = dirname(at);
		memmove(at, up, strlen(up) + 1);
		if (!stat(at, &st) && st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return true;
	}
	return false;
}

void place_clear_dead_mount(const char *mountpoint)
{
	/* not stat: the kernel may still know the dead one's root */
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	else if (errno == ENOTCONN && umount2(mountpoint, MNT_DETACH) == 0)
		report(LOG_NOTICE, "took away a mount at %s whose daemon has died", mountpoint);
}
