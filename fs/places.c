/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "store/base/path.h"
#include "store/base/report.h"

void place_clear_dead_mount(const char *mountpoint)
{
	char path[32];
	/* what is looked at is what is taken away, whatever leads there by then */
	int at = path_open(mountpoint, O_PATH | O_DIRECTORY);
	/* not stat: the kernel may still know the dead one's root */
	int fd = at < 0 ? -1 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	if (fd >= 0)
		close(fd);
	else if (at >= 0 && errno == ENOTCONN && umount2(path, MNT_DETACH) == 0)
		report(LOG_NOTICE, "took away a mount at %s whose daemon has died", mountpoint);
	if (at >= 0)
		close(at);
}
