/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ALT_NAME_H
#define STORE_ENROLL_ALT_NAME_H

/* Names beside ours in certificates, and what certificates are narrower than
 * the one that their member had before. */
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

enum {
	ALT_NAME = 256, /* as text */
	/* What is wider than a renewed certificate is revoked after so many
	 * seconds at the latest. */
	NARROWED_SECONDS = 86400,
};

/* `<32 hex>.<domain>`, which every certificate has. */
enum { OUR_DNS = PKI_HASH + DOMAIN_MAX_LEN + 2 };
void alt_name_ours(const struct store *store, const unsigned char *spki_hash,
    char out[OUR_DNS]);

/* A DNS name or IP address as text, by which it is stored. */
void alt_name_text(const struct pki_name *name, char out[ALT_NAME]);

/* What a certificate has beside our names; spki_hash: 16 bytes are enough. uri,
 * unless NULL, is set to ours in it. Names point into der. */
enum { OUR_URI = STORE_PATH + DOMAIN_MAX_LEN + 16 };
void alt_name_beside_ours(const struct store *store, const void *der,
    size_t len, const unsigned char *spki_hash, struct pki_asked *out,
    char uri[OUR_URI]);

/* Whether there are names that a certificate lacks. */
bool alt_name_lacks(const struct pki_asked *has, const struct pki_asked *names);

/* Whether a certificate has fewer names or usages than another. */
bool alt_name_narrows(
    const struct pki_asked *now, const struct pki_asked *before);

/*
 * Calls a function for what the certificates of a store say: for each name
 * beside ours, and, with name NULL, for each certificate that is narrower than
 * the valid one before; until: the second when that is revoked. Returns 0, what
 * fn failed with, or -errno.
 */
typedef int (*alt_name_fn)(struct db_conn *conn, const char *name,
    int64_t issued, int64_t until, void *arg);
int alt_name_each(struct db_conn *conn, alt_name_fn fn, void *arg);

/* Such functions: stores it; returns whether it is stored. */
int alt_name_add(struct db_conn *conn, const char *name, int64_t issued,
    int64_t until, void *arg);
int alt_name_has(struct db_conn *conn, const char *name, int64_t issued);

#endif
