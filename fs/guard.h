/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_GUARD_H
#define FS_GUARD_H

#include <fuse_lowlevel.h>

/*
 * The helper process that mounts and unmounts. It keeps the privileges for
 * that, which the daemon drops, opens nothing else, and unmounts when the
 * daemon ends, also if that is killed.
 */
struct guard {
	int socket;
	pid_t pid;
};

/* What to mount where. */
struct guard_target {
	int fd; /* from mountpoint_open */
	const char *path, *store;
};

/*
 * Starts it; the daemon has no threads and no secrets yet. title: argv, whose
 * memory is overwritten with the helper's name. Returns 0, or -errno, logged.
 */
int guard_start(struct guard *guard, struct fuse_session *session,
    const struct guard_target *target, char **title);

/* Makes it mount and takes over the session. Returns 0, or -1, logged. */
int guard_mount(struct guard *guard, struct fuse_session *session);

/* Makes it unmount, and waits until it has ended, at most 5 seconds. */
void guard_end(struct guard *guard);

#endif
