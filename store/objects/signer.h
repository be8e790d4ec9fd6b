/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SIGNER_H
#define STORE_OBJECTS_SIGNER_H

/* Signing certificates with their private keys loaded. */
#include <pthread.h>

#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

enum {
	SIGNERS = 64,
	SIGNER_DEPTH = 16, /* longest chain; a loop in a damaged store ends here */
	CERT_BACKDATE = 60, /* seconds; for peers whose clocks are slow */
	SECONDS_PER_DAY = 86400,
};

struct field_edit;

/* A signing certificate and its chain. Immutable, with a reference count. */
struct signer {
	int64_t id;
	int refs;
	struct pki_ca *ca;  /* NULL: it has no private key, as it was deleted */
	struct bytes chain; /* PEM, from the certificate to the root inclusive */
	size_t above;	    /* offset in `chain` of the next certificate */
	size_t last;	    /* offset in `chain` of the root */
	int depth;	    /* number of certificates in `chain` */
	int path_left;	    /* CAs permitted below it (RFC 5280 4.2.1.9), or
			       PKI_NO_LIMIT */

	unsigned char root[PKI_HASH]; /* SHA-256 of the root's DER */

	/* An older root vouches for the root: the chain with what it signed
	 * before the root, and itself at the end; empty: none does. */
	struct bytes crossed;
	int64_t cross_ends; /* seconds */
	unsigned char old_root[PKI_HASH];
	int64_t crossed_at; /* the moment when this last changed */
};

/* Loaded signers by id modulo SIGNERS. */
struct signer_cache {
	pthread_mutex_t lock;
	struct signer *slot[SIGNERS];
	/* Counts invalidations: a signer loaded across one is not cached. */
	unsigned int invalidated;
};

/* Gets a signer from the cache, or loads it. A deleted one has no `ca`. Release
 * it with signer_put. Returns 0, -ENOMEM, or -EIO (its chain or key is damaged
 * or missing; logged). */
int signer_get(struct store *store, int64_t cert, struct signer **out);

/* NULL is permitted. */
void signer_put(struct signer *signer);
void signer_cleanup(struct signer **signer);
#define CLEANUP_SIGNER __attribute__((cleanup(signer_cleanup)))

/* Verifies a certificate (DER) that the signer has signed, see pki_ca_verify.
 * Returns 0, -EPERM (constraints of its chain forbid it), -EKEYEXPIRED (of its
 * chain) or -EIO; the reason names the signing certificate. */
int signer_verify(struct store *store, struct store_call *call,
    const struct signer *signer, const struct bytes *der, int64_t seconds);
/* Whether an older root vouches for its root now. */
bool signer_is_crossed(const struct signer *signer);

/* The chain that clients of either root can use: in this order, `crossed`, as
 * those of the older one take the first issuer that fits. Else `chain`. */
const struct bytes *signer_chain(const struct signer *signer);

/* In a job: counts a signing certificate, or a member's, that `cert` has
 * signed. issued: its id, before: the highest that there was before it. Return
 * 0 or -errno. */
int signer_issued(struct db_conn *conn, int64_t cert, int64_t now);
int signer_issued_member(struct db_conn *conn, int64_t cert, int64_t before,
    int64_t issued, int64_t now);

/* `resolve` of STORE_SIGNING_CERT: gets the id of the certificate that
 * edit->text names. Returns 0, -ENOENT (missing, pending, or, unless put back,
 * disabled) or -errno. */
int signer_resolve(const struct field_edit *e, int64_t *id);

/* Drops a signer from the cache, after its key was destroyed or replaced; drops
 * all. */
void signer_forget(struct store *store, int64_t cert);
void signer_forget_all(struct store *store);

#endif
