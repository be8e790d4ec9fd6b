/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_GRANT_H
#define STORE_ENROLL_GRANT_H

/* What limits allow a request: checks of an issuance, and what its certificate
 * is given. */
#include "store/enroll/issue.h"

/*
 * Checks member's name, key, names and usages against the limits, and sets
 * i->given, i->shared and i->lifetime. The member's name is known. For a
 * renewal, i->present is the certificate that is replaced, and i->narrows is
 * set. Returns 0 or -EPERM with the name and the list.
 */
int grant_check(struct issuance *i);

/* Checks that a request does not ask for other names or usages than this
 * certificate on its public key has. Returns 0 or -EEXIST. */
int grant_check_again(struct issuance *i, const struct bytes *der);

/* Whether another member's valid certificate has a name that is to be given.
 * Returns 0, -EEXIST with the reason, or -errno; in a job, too. */
int grant_check_alone(
    struct issuance *i, struct db_conn *conn, int64_t member, int64_t seconds);

/* In a job: stores the names of a certificate that was added. */
int grant_add_names(
    const struct issuance *i, struct db_conn *conn, int64_t issued);

#endif
