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

/* `prepare` and `make` of store_cert_kind: a key pair with its request. Free
 * the pair in any case. */
int cert_prepare(const struct store_make *make, struct new_pair *out);
int cert_make(struct db_conn *conn, const struct store_make *make);
void new_pair_free(struct new_pair *pair);
#define CLEANUP_PAIR __attribute__((cleanup(new_pair_free)))

/*
 * In a job: makes a signing certificate and issues it; make->id is its id. *ca,
 * if ca is not NULL, can sign with it; the caller frees it with pki_ca_free.
 * *not_after in seconds. Returns 0, -EEXIST (the name is taken) or -errno.
 */
int cert_make_signed(struct db_conn *conn, struct db_batch *batch,
    struct store_make *make, const struct new_cert *want, struct pki_ca **ca,
    int64_t *not_after);

#endif
