/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_LISTING_H
#define FS_LISTING_H

/*
 * Replies to readdirplus whose attributes the kernel is to cache, and that it
 * may not have processed yet. A change of what they show waits for them, or its
 * invalidation could come too early: the kernel drops what is late for an inode
 * that it knows, but takes it for one that it does not know.
 *
 * The next request for the same open directory says that the reply before it
 * was processed. A process that sends none for LISTING_MS is not waited for any
 * longer, nor another time.
 */
#include <stdbool.h>
#include <stdint.h>

enum { LISTING_MS = 100, LISTINGS = 64 };

/* Before the reply's object is read. handle: of the open directory; dir: its
 * inode number. Returns false if there is no room: nothing may be cached. */
bool listing_begin(uint64_t dir, uint64_t handle);

/* The reply before this request was processed; if there was one. */
void listing_end(uint64_t handle);

/* Waits for the replies about this directory that have begun; 0: about any.
 * Returns whether there were some. */
bool listing_wait(uint64_t dir);

#endif
