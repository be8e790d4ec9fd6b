/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_PLACES_H
#define FS_PLACES_H

/* Where the store, its key and the mount are. What is wrong is logged. */
#include <stdbool.h>

/*
 * Replaces a malloc'ed path by its absolute one, without links: the daemon does not stay where it
 * was started, and one file has one name. The file itself may be missing, its folder not. -1: it is
 * not there, or a link that leads nowhere.
 */
int place_absolute(char **path, const char *what);

/* Whether a path lies below a directory, by the identity of its ancestors. */
bool place_below(const char *path, const char *directory);

/* Takes away what a daemon that was killed has left there: it would be in the next one's way. */
void place_clear_dead_mount(const char *mountpoint);

#endif
