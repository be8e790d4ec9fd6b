/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_REQUEST_H
#define STORE_ENROLL_REQUEST_H

/* Where the parts of a request begin and end. Pure functions. */
#include "store/pki/pki.h"
#include "store/store.h"

struct request {
	const char *key_text; /* as received; NULL without a key */
	size_t key_len;
	const unsigned char *csr;
	size_t csr_len;
	const unsigned char *proof; /* NULL without one */
	size_t proof_len;
};

/* Splits a request; its parts point into data. Returns 0, or -EBADMSG or
 * -EINVAL (the first of two CSRs is malformed), with the reason. */
int request_split(enum store_request form, const void *data, size_t len,
    struct request *out, const char **reason);

/* Returns 0 if the proof's CN is the SHA-256 of the request's DER in hex, else
 * -EKEYREJECTED. */
int request_named_by(const struct pki_csr *csr, const struct pki_csr *proof);

/* Whether it is longer than permitted, or its DER header says that it will be
 * once it is complete. */
bool request_too_long(enum store_request form, const void *data, size_t len);

#endif
