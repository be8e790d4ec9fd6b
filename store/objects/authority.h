/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_AUTHORITY_H
#define STORE_OBJECTS_AUTHORITY_H

/* Signing certificates until they can sign. */
#include "store/objects/object.h"
#include "store/pki/pki.h"

struct new_cert {
	int64_t issuer; /* 0: self-signed */
	const struct pki_ca *issuer_ca;
	int path_length; /* RFC 5280 4.2.1.9, or PKI_NO_LIMIT */
	int64_t days;
	int64_t not_after_limit; /* of the issuer, seconds */
};

/* `make` of store_cert_kind: a key pair and a request. */
int64_t cert_make(struct db_conn *conn, const struct store_make *make);

/*
 * In a job: makes a signing certificate and issues it. *ca, if ca is not NULL,
 * can sign with it; the caller frees it with pki_ca_free. Returns 0 or -errno.
 */
int cert_make_signed(const struct store_make *make, struct db_conn *conn,
    const struct new_cert *want, int64_t *id, struct pki_ca **ca,
    int64_t *not_after);

#endif
