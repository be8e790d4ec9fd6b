/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_APPROVAL_H
#define STORE_ENROLL_APPROVAL_H

/* The part of enrollment that waits for approval, see approval.h in store/. */
#include "store/enroll/enroll.h"

/* Looks for a request with the CSR's public key, if e->i.exact. Returns 0,
 * -EEXIST (another CSR with it waits, or this one with another key or name),
 * -EKEYREJECTED (it was rejected), or -ESTALE (e->approves waits no longer). */
int approval_find(struct enrolment *e);

/*
 * Whether the request has to wait. Returns 0 (no; or it is to be added, then
 * e->waits is set), -EINPROGRESS (it waits), -EDQUOT (the key has no use left
 * for it), -ENOSPC (too many wait), or -EAGAIN (unless e->i.exact).
 */
int approval_check(struct enrolment *e);

/* Adds the request. Returns -EINPROGRESS (done), -EAGAIN (not everything is as
 * checked: check again), or -errno. */
int approval_request(struct enrolment *e);

/* In a job: the request e->approves has been carried out. */
int approval_done(struct db_conn *conn, const struct enrolment *e, int64_t now);

#endif
