/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_PLACES_H
#define FS_PLACES_H

/* Where the store, its key and the mount are. What is wrong is logged. */
#include <stdbool.h>

/* Whether a path lies below a directory, by the identity of its ancestors. */
bool place_below(const char *path, const char *directory);

/* Takes away what a daemon that was killed has left there: it would be in the next one's way. */
void place_clear_dead_mount(const char *mountpoint);

#endif
