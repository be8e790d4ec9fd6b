/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_APPROVAL_H
#define STORE_APPROVAL_H

/*
 * Requests that wait for approval: store_enroll adds them (-EINPROGRESS) if the
 * key or its group wants approval, store_approve carries them out, store_remove
 * rejects them. They are objects of the kind STORE_PENDING_REQUEST, in their
 * key. Returns and errors as in store.h.
 */
#include <stdint.h>

struct bytes;
struct store;
struct store_call;

enum {
	STORE_PENDING_DAYS = 7,	  /* how long a request waits */
	STORE_REJECTED_DAYS = 30, /* how long a rejection counts */
	STORE_PENDING_KEY = 64,	  /* requests that wait, of a key */
	STORE_PENDING_USER = 8,	  /* of a user */
};

/*
 * Approves a request: enrolls it, with all checks of store_enroll but that for
 * approval, under the name that it waits with. The request goes in the same
 * transaction. code: the request's, in any case, with blanks or hyphens.
 *
 * Returns 0, -ESTALE (it waits no longer), -EINVAL (another code), -EEXIST (its
 * name is taken; it waits on), or as store_enroll. The caller logs refusals.
 */
int store_approve(struct store *store, struct store_call *call, int64_t request,
    const char *code);

/* Appends the CSR of a request, PEM. Returns 0 or -ESTALE. */
int store_pending_csr(struct store *store, int64_t request, struct bytes *out);

#endif
