/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_AUTHORITY_H
#define STORE_OBJECTS_AUTHORITY_H

/* Signing certificates: key pair, request and signature. */
#include "store/objects/object.h"
#include "store/pki/pki.h"

/* A signature to make. */
struct new_cert {
	int64_t issuer; /* id of the signing certificate; 0: self-signed */
	const struct pki_ca *issuer_ca; /* NULL: self-signed */
	int path_length;		/* RFC 5280 4.2.1.9, or PKI_NO_LIMIT */
	int64_t days;
	int64_t not_after_limit; /* the issuer's notAfter, seconds */
};

/* A signature to store. */
struct signed_cert {
	int64_t id;
	const struct bytes *csr; /* the request that was signed */
	const struct bytes *der;
	const struct bytes *chain; /* issuers from outside, DER; or NULL */
	int64_t issuer;		   /* id; 0: self-signed or from outside */
	uint64_t bit, bare;	   /* as in struct store_edit; 0: none */
};

enum { CERT_URI = sizeof("spiffe://") + DOMAIN_MAX_LEN };

/* Writes the URI of every signing certificate: a SPIFFE ID of the domain,
 * without a path, as verifiers expect it of a CA. Returns out. */
const char *cert_domain_uri(const struct store *store, char out[CERT_URI]);

/*
 * `prepare` of store_cert_kind: makes an EC P-256 key pair and its request.
 * Free *out with new_pair_free, also after an error. Returns 0 or -errno.
 */
int cert_prepare(const struct store_make *make, struct new_pair *out);
void new_pair_free(struct new_pair *pair);
#define CLEANUP_PAIR __attribute__((cleanup(new_pair_free)))

/* `make` of store_cert_kind. In a job: stores make->pair as a pending
 * certificate. Returns 0, -EEXIST (the name is taken) or -errno. */
int cert_make(struct db_conn *conn, const struct store_make *make);

/*
 * In a job: makes a signing certificate and signs it. Sets make->id. *ca, if ca
 * is not NULL, can sign with it; the caller frees it with pki_ca_free.
 * *not_after is in seconds. Returns 0, -EEXIST (the name is taken) or -errno.
 */
int cert_make_signed(struct db_conn *conn, struct db_batch *batch,
    struct store_make *make, const struct new_cert *want, struct pki_ca **ca,
    int64_t *not_after);

/*
 * Sets which older root vouches for a root: edit->text is its name, or empty or
 * `none` for none. Signs the root's subject and public key with it.
 *
 * Returns 0, -ESTALE, -EPERM (managed), -EINVAL (either is no root of this
 * store, or the path length of the older one forbids), -ENOENT (it is missing,
 * pending or disabled), -EBUSY (the root vouches for it, maybe through others,
 * or is itself), -EKEYEXPIRED (either has expired) or -errno.
 */
int store_cert_cross(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit);

/* Signs a certificate for a key pair (PKCS #8 DER) and appends its DER. now is
 * a moment. Returns 0 or -errno of pki_ca_sign. */
int cert_sign(const struct store *store, const struct new_cert *want,
    const char *subject, const struct bytes *key, int64_t now,
    struct bytes *der);

/* In a job: stores a pending certificate's signature and counts it with its
 * issuer. Returns 0, -EAGAIN (no longer pending, or another request) or
 * -errno. */
int cert_store_signed(
    struct db_conn *conn, const struct signed_cert *s, int64_t now, uid_t uid);

#endif
