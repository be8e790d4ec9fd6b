/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_BUDGET_H
#define STORE_ENROLL_BUDGET_H

/*
 * How much CPU time the requests of a user may take that prove nothing: parsing
 * and verifying what anybody can send. A request that is granted costs nothing,
 * so a gateway has no limit as long as its machines are members.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BUDGET_PART = 10,   /* a tenth of the time */
	BUDGET_SECONDS = 2, /* of these, what may be used at once */
	BUDGET_USERS = 256, /* beyond: who has used the least is forgotten */
};

/* Zeros: nobody has used anything. */
struct budget {
	pthread_mutex_t lock;
	struct budget_account {
		uid_t uid;
		int64_t until; /* ticks: nothing is used any more */
	} account[BUDGET_USERS];
};

/* Whether the user has some left at this moment (clock_ticks). */
bool budget_left(struct budget *budget, uid_t uid, int64_t now);

/* The user has used so much CPU time (ns). */
void budget_use(struct budget *budget, uid_t uid, int64_t now, int64_t used);

#endif
