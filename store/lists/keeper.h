/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_KEEPER_H
#define STORE_LISTS_KEEPER_H

/*
 * A thread that signs revocation lists again after revocations, and when half
 * their lifetime is over, whether or not somebody reads them: who copies them
 * by size and time opens only what has changed.
 */
#include <pthread.h>
#include <stdbool.h>

struct db_conn;
struct store;

struct list_keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool running, stopping;
	bool revoked; /* since it last looked */
};

/* Starts the thread. Returns 0 or -errno. */
int keeper_start(struct store *store);

/* Ends it, after the list that it is signing. Does nothing if it does not
 * run. */
void keeper_stop(struct store *store);

/* In a job that revokes something. */
void keeper_revoked(struct db_conn *conn);

/* Has it look soon whether something was revoked. */
void keeper_look(struct store *store);

#endif
