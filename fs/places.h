/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_PLACES_H
#define FS_PLACES_H

/* Takes away what a daemon that was killed has left there: it would be in the next one's way. */
void place_clear_dead_mount(const char *mountpoint);

#endif
