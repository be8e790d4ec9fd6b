/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_CRL_H
#define STORE_LISTS_CRL_H

/* Lists of a signing certificate: revocation lists (RFC 5280 5), index. */
#include "store/store.h"

/* store_snapshot of a certificate's lists. */
int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, struct store_snapshot **out);

/*
 * Signs the revocation lists that lack revocations, so that a read-only mount
 * after this has them. On a read-only store logs a warning for each.
 */
void lists_settle(struct store *store);

#endif
