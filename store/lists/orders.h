/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_ORDERS_H
#define STORE_LISTS_ORDERS_H

/* The thread that carries out orders to revoke (objects/order.h), and who waits
 * for their end. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/objects/order.h"
#include "store/store.h"

/* How many are carried out at a time. */
enum { ORDERS_MAX = 64 };

struct orders {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* its clock is that of clock_ticks */
	pthread_t thread;
	bool running, stopping;
	bool due; /* something was said since it last looked */

	/* Held while one that has waited is answered; taken first. */
	pthread_mutex_t answering;
	struct store_wait *waiting; /* the newest first */
	int waiting_count;

	/* The thread's own: what it goes on with. */
	struct order mine[ORDERS_MAX];
	int mine_count;
};

void orders_init(struct orders *orders);
void orders_destroy(struct orders *orders);

/* Starts the thread, which goes on with what is unfinished. Returns 0 or
 * -errno. */
int orders_start(struct store *store);

/* Ends it behind the present step. */
void orders_stop(struct store *store);

/* Another host may have given or left an order. */
void orders_wake(struct store *store);

/* store_wait_end for those that wait for an order. */
struct store_wait *orders_end(struct store *store, uint64_t number);

#endif
