/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_CRL_H
#define STORE_LISTS_CRL_H

/* Lists of a signing certificate: revocation list (RFC 5280 5) and index. */
#include "store/snapshot.h"
#include "store/store.h"

/* Implements store_snapshot for STORE_CRL_PEM, STORE_CRL_DER and STORE_INDEX:
 * signs a new revocation list if the last one is stale. *out must be NULL, and
 * stays so if there is no list. Returns as store_snapshot. */
int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, struct store_snapshot **out);

/*
 * Signs every revocation list that lacks revocations, unless the signing
 * certificate has expired, so that a later read-only mount has them. On a
 * read-only store it logs a warning for each instead.
 */
void lists_settle(struct store *store);

#endif
