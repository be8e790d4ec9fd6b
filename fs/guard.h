/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_GUARD_H
#define FS_GUARD_H

#include <fuse_lowlevel.h>

/*
 * The process that mounts and unmounts. It keeps the rights for that, which the
 * daemon gives up; it opens nothing else, reads nothing of anybody, and waits
 * for the daemon's end, however that comes: then the mount goes away.
 */
struct guard {
	int socket;
	pid_t pid;
};

/* What is to be mounted where. */
struct guard_place {
	int fd; /* by place_open */
	const char *path, *store;
};

/*
 * Begins it, before the daemon has any thread or secret. title: argv's text,
 * which becomes what it is listed as. 0 or -errno, logged.
 */
int guard_start(struct guard *guard, struct fuse_session *session,
    const struct guard_place *place, char **title);

/* Has it mount; the session is the daemon's then. 0 or -1, logged. */
int guard_mount(struct guard *guard, struct fuse_session *session);

/* Has it unmount, and waits for its end. */
void guard_end(struct guard *guard);

#endif
