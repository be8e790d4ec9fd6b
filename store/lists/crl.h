/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_CRL_H
#define STORE_LISTS_CRL_H

/* Revocation lists (RFC 5280 5). */
#include "store/snapshot.h"
#include "store/store.h"

/* Implements store_snapshot for STORE_CRL_PEM and STORE_CRL_DER. *out must be
 * NULL, and stays so if there is no list. Returns as store_snapshot. */
int list_crl(struct store *store, int64_t cert, enum store_list which,
    bool look, struct store_snapshot **out);

/*
 * Signs the revocation lists that lack revocations, or whose lifetime is half
 * over, but each at the pace of all lists (render.h), and unless in a hurry not
 * soon after that has failed. Returns whether it is to be called again soon, as
 * some were left.
 */
bool crl_refresh_all(struct store *store, bool hurry);

/* Whether the newest list of a certificate has so many revocations, or none is
 * signed any more. Returns 1, 0, or -errno of the last attempt to sign it. */
int crl_has(struct store *store, int64_t cert, int64_t revoked);

/*
 * Signs every revocation list that lacks revocations, unless the signing
 * certificate has expired, so that a later read-only mount has them. On a
 * read-only store it logs a warning for each instead.
 */
void lists_settle(struct store *store);

#endif
