/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_MEMBER_H
#define STORE_OBJECTS_MEMBER_H

/* Revocation of members' certificates. */
#include "store/db/db.h"
#include "store/store.h"

/* In a job: revokes a member's unexpired certificates, except the `keep` newest
 * ones, and counts them with their issuers. reason is the name of a CRLReason
 * (RFC 5280 5.3.1). Returns how many it revoked, or -errno. */
int member_revoke(struct db_conn *conn, int64_t member, int keep,
    const char *reason, int64_t now);

/* Checks a reason of RFC 5280 5.3.1. Returns its code, or -EINVAL. */
int member_reason(struct store_call *call, const char *text);

#endif
