/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_EXPIRY_H
#define STORE_LISTS_EXPIRY_H

/*
 * Members that go by themselves: of a group with `expire_after`, so long after
 * the last of their certificates has expired that are not revoked; or, if all
 * are, after the last of these. The keeper's thread deletes them, as rmdir
 * does, a few in each transaction, so that nobody waits for long.
 */
#include <stdbool.h>
#include <stdint.h>

struct store;

/* Where the keeper's thread is. Zeros: at the beginning. */
struct expiry {
	int64_t after; /* id: those up to it have been looked at */
	int64_t next;  /* ticks when it begins again */
};

/* Goes on for a moment; anew: from the beginning. Returns when it wants to be
 * called again (clock_ticks). */
int64_t expiry_run(struct store *store, bool anew);

#endif
