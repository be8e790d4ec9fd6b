/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SIGNER_H
#define STORE_OBJECTS_SIGNER_H

/* Signing certificates with their keys loaded. */
#include <pthread.h>

#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

enum {
	SIGNERS = 64,
	SIGNER_DEPTH = 16,  /* longest chain; ends a loop in a damaged store */
	CERT_BACKDATE = 60, /* seconds before now, for peers' slow clocks */
	SECONDS_PER_DAY = 86400,
};

struct field_edit;

/* A signing certificate with its chain. Immutable and counted. */
struct signer {
	int64_t id;
	int refs;
	struct pki_ca *ca;  /* NULL without a private key */
	struct bytes chain; /* PEM, from itself to the root */
	size_t above;	    /* offset of its issuer in `chain` */
	int depth;	    /* certificates in the chain */
	int path_left;	    /* CAs permitted below it, or PKI_NO_LIMIT */

	unsigned char root[PKI_HASH]; /* SHA-256 of the root's DER */
};

/* Loaded signers by id modulo SIGNERS. */
struct signer_cache {
	pthread_mutex_t lock;
	struct signer *slot[SIGNERS];
	/* Counts invalidations: a signer loaded across one is not cached. */
	unsigned int invalidated;
};

/*
 * Takes a signer from the cache or the store; release it with signer_put.
 * Returns 0, -ESTALE (deleted), -ENOMEM, or -EIO (logged: it cannot be opened).
 */
int signer_get(struct store *store, int64_t cert, struct signer **out);

/* NULL is permitted. */
void signer_put(struct signer *signer);
void signer_cleanup(struct signer **signer);
#define CLEANUP_SIGNER __attribute__((cleanup(signer_cleanup)))

/* In a job: counts a certificate that `cert` has issued. Returns 0 or -errno. */
int signer_issued(struct db_conn *conn, int64_t cert, int64_t now);

/* `resolve` of STORE_SIGNING_CERT: the id of the certificate that edit->text
 * names. Returns 0, -ENOENT (missing or disabled) or -errno. */
int signer_resolve(const struct field_edit *e, int64_t *id);

/* Drops one from the cache, after its key was destroyed or replaced; all. */
void signer_forget(struct store *store, int64_t cert);
void signer_forget_all(struct store *store);

#endif
