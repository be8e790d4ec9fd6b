/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_STALE_MOUNT_H
#define FS_STALE_MOUNT_H

/*
 * The mountpoint, the mount on it, and mounts that a killed daemon has left.
 * A path can change at any moment: the owner of a directory on the way may
 * rename it, or replace it by a link. So the mountpoint is opened once, and a
 * mount is identified by its number, never by its path. Nothing here sends a
 * request to the daemon behind a mount.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens a mountpoint (a path resolved by path_absolute) to mount on, after
 * detaching a stale mount there. Returns a descriptor (O_PATH), or -errno,
 * logged: -ELOOP (it has become a symbolic link), -ENOTDIR.
 */
int mountpoint_open(const char *mountpoint);

/* Identifies one mount while it exists; both numbers are reused afterwards. id
 * 0: none. */
struct mount_id {
	uint64_t id;
	dev_t dev;
};

/*
 * As root, detaches all stale mounts of this store that root made, wherever
 * they are now. The caller holds the store's lock, so no other daemon serves
 * them.
 */
void stale_mounts_detach(const char *store);

/* Finds the newest mount of this store that this user has made on the mount
 * that the descriptor `below` is in. */
struct mount_id mount_find(const char *store, int below);

/*
 * Opens (O_PATH) the root of a mount, wherever it is now. Returns a descriptor,
 * or -1: it is gone, or covered by another mount.
 */
int mount_open_root(const struct mount_id *mount);

/* Detaches the mount whose root this descriptor is. Returns 0 or -errno. */
int mount_detach(int root);

#endif
