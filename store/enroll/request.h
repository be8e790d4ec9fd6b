/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_REQUEST_H
#define STORE_ENROLL_REQUEST_H

/* Splits a request into its parts. Pure functions. */
#include "store/enrollment.h"
#include "store/pki/pki.h"
#include "store/store.h"

struct request {
	const char *key_text; /* as received; NULL: no key in this form */
	size_t key_len;
	const unsigned char *csr;
	size_t csr_len;
	const unsigned char *proof; /* NULL: no proof in this form */
	size_t proof_len;
};

/*
 * Splits a request; its parts point into data. A malformed key text extends to
 * the end and overlaps the CSR, for its parser to refuse.
 *
 * Returns 0, -ENOMEM, or, if the first of two CSRs is malformed, -EBADMSG
 * (*reason is NULL if it is incomplete), -EINVAL or -EFBIG. *reason is
 * meaningless with 0.
 */
int request_split(enum store_request form, const void *data, size_t len,
    struct request *out, const char **reason);

/* Whether the proof's CN is the SHA-256 of the request's DER in hex. Returns 0,
 * -EKEYREJECTED (it is not), -EIO or -ENOMEM. */
int request_named_by(const struct pki_csr *csr, const struct pki_csr *proof);

/* Whether a request is longer than STORE_REQUEST_MAX, or its CSR has a DER
 * header with such a length. */
bool request_too_long(enum store_request form, const void *data, size_t len);

#endif
