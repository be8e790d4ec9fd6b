/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_NOTICE_H
#define STORE_LISTS_NOTICE_H

/*
 * What the keeper's thread (keeper.h) is told: that something was revoked, that
 * a list is wanted, and who waits until a revocation is on a list. Functions
 * may be called from any thread; if the keeper does not run they do nothing.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "store/store.h"

struct db_conn;

/* How many revocations are remembered until a list has them. */
enum { REVOKED_NEW = 16384 };

struct list_notices {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* its clock is that of clock_ticks */
	bool running, stopping;
	bool due; /* something was said since the keeper last began to work */
	bool in_job; /* likewise: by a job, which may not be committed yet */
	bool hurry;  /* likewise: that somebody waits */
	bool expiry; /* likewise: that members may have to go */

	/* Certificates that jobs have revoked, or tried to, and that no list is
	 * known to have. */
	struct revoked_new {
		int64_t issuer, issued; /* ids */
	} revoked[REVOKED_NEW];
	int revoked_count;

	/* Held while one that has waited is answered; taken first. */
	pthread_mutex_t answering;
	struct store_wait *waiting; /* the newest first */
	int waiting_count;
};

void notice_init(struct list_notices *notices);
void notice_destroy(struct list_notices *notices);

/* Whether there is something to do, or the end has come. */
bool notice_is_due(struct store *store);

/* There is something to do. */
void notice_wake(struct store *store);

/* In a job that revokes: a certificate with this id, or one (0) of which a list
 * learns otherwise. */
void notice_revoked(struct db_conn *conn, int64_t issuer, int64_t issued);

/* In a job: members may have to go by themselves, see expiry.h. */
void notice_expiry(struct db_conn *conn);

/* Appends the ids that were noted for this issuer, in order and each once.
 * Returns 0 or -ENOMEM. */
int notice_get_revoked(struct store *store, int64_t issuer, struct bytes *ids);

/* A list has these certificates, in order. */
void notice_listed(struct store *store, int64_t issuer, const struct bytes *ids);

/* Adds one that waits. Returns 0, or -EBUSY (too many do, or the keeper does
 * not run). */
int notice_wait(struct store *store, struct store_wait *wait);

/* Takes out the one with this number (0: any). Returns NULL if there is
 * none. */
struct store_wait *notice_take(struct store *store, uint64_t number);

/* Copies those that wait. Returns their number. */
int notice_waiting(struct store *store, struct store_wait out[STORE_WAITS]);

/* Notes what the one with this number waits for now, if it still does. */
void notice_waits_for(struct store *store, const struct store_wait *what);

#endif
