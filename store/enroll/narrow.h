/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_NARROW_H
#define STORE_ENROLL_NARROW_H

/*
 * Renewed certificates that end earlier or have fewer names or usages than the
 * one before. That one stays valid until the machine has the new one: until
 * that is proof for something, or for NARROWED_SECONDS.
 */
#include "store/db/db.h"

struct store;
struct store_call;

/* In a job: notes such a certificate; forgets it. */
int narrow_add(struct db_conn *conn, int64_t issued, int64_t now);
int narrow_drop(struct db_conn *conn, int64_t issued);

/* Revokes (superseded) what its member has beside this certificate. Returns 0
 * or -errno. */
int narrow_settle(struct store *store, struct store_call *call, int64_t issued,
    int64_t member);

/* narrow_settle of all whose time is over. */
void narrow_settle_due(struct store *store);

#endif
