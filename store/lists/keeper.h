/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_KEEPER_H
#define STORE_LISTS_KEEPER_H

/*
 * A thread that signs revocation lists again after revocations, and when half
 * their lifetime is over, whether or not somebody reads them: who copies them
 * by size and time opens only what has changed. It also makes the costly lists
 * that somebody looks at (render.h), and deletes members whose time is over
 * (expiry.h).
 */
struct store;

/* Starts the thread. Returns 0 or -errno. */
int keeper_start(struct store *store);

/* Ends it, after the list that it is making. Does nothing if it does not
 * run. */
void keeper_stop(struct store *store);

#endif
