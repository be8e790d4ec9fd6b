/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_CRL_H
#define STORE_LISTS_CRL_H

/* Lists of a signing certificate: revocation list (RFC 5280 5) and index. */
#include "store/base/clock.h"
#include "store/snapshot.h"
#include "store/store.h"

/* Implements store_snapshot for STORE_CRL_PEM, STORE_CRL_DER and STORE_INDEX.
 * *out must be NULL, and stays so if there is no list. Returns as
 * store_snapshot. */
int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out);

/* A list with revocations missing is served at most so long (nanoseconds). */
#define CRL_DELAY (10 * CLOCK_SECOND)

/*
 * Signs the revocation lists that lack revocations, or whose lifetime is half
 * over, but each so rarely that this takes at most a tenth of the time. Returns
 * whether it is to be called again soon, as it was too early for some.
 */
bool crl_refresh_all(struct store *store);

/*
 * Signs every revocation list that lacks revocations, unless the signing
 * certificate has expired, so that a later read-only mount has them. On a
 * read-only store it logs a warning for each instead.
 */
void lists_settle(struct store *store);

#endif
