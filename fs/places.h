/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_PLACES_H
#define FS_PLACES_H

/*
 * Where it is mounted. A path can lead elsewhere at any moment: whoever owns a
 * directory on the way renames it, or puts a link. So the mountpoint is opened
 * once, and what has been mounted is known by its number, not by its path. None
 * of this asks anything of who serves a mount.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens a mountpoint, which path_absolute has resolved, as a place to mount on;
 * what a daemon that was killed has left there is taken away first. A
 * descriptor (O_PATH), or -errno, logged: -ELOOP: there is a link in it by now;
 * -ENOTDIR.
 */
int place_open(const char *mountpoint);

/* One mount, as long as it is there: both numbers are used again later. id 0:
 * none. */
struct place_mount {
	uint64_t id;
	dev_t dev;
};

/*
 * Takes away, as root, all dead mounts of this store that root has made,
 * wherever they are now. To be called with the store locked: who served them is
 * gone.
 */
void place_clear_dead(const char *store);

/* The newest mount of this store that this user has made in the mount that
 * `place` is in. */
struct place_mount place_find(const char *store, int place);

/*
 * Opens (O_PATH) the root of a mount, wherever that is now. -1: it is not there
 * any more, or another one covers it.
 */
int place_reach(const struct place_mount *mount);

/* Takes away the mount whose root this descriptor is. 0 or -errno. */
int place_detach(int root);

#endif
