/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_LEAVE_H
#define STORE_ENROLL_LEAVE_H

/* A machine that leaves: a renewal whose first CSR is made with the present key
 * itself and has the CN cessationOfOperation. */
#include "store/enroll/renew.h"

/* Whether the request is one to leave. */
bool leave_is_asked(const struct renewal *r);

/*
 * Revokes all unexpired certificates of the member whose present key made the
 * proof, and appends the reply. If they have been revoked already, nothing
 * changes, and the reply is the same.
 *
 * Returns 0, -EAGAIN (the member has changed meanwhile; try again),
 * -EKEYEXPIRED (there is nothing to revoke), -EROFS, or as renewal_prove,
 * -EKEYREJECTED also for a key that was replaced by a renewal.
 */
int leave(struct renewal *r, struct bytes *reply);

#endif
