/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_RENEW_H
#define STORE_ENROLL_RENEW_H

/* One renewal in two halves, as in enroll.h. */
#include "store/enroll/issue.h"

struct renewal {
	struct issuance i;
	int64_t member; /* id; 0 until the proof is verified */
	bool by_proof;	/* the request has two CSRs, the second as proof */
	struct pki_csr *proof; /* NULL: malformed, see proof_error */
	int proof_error;
	const char *proof_reason;
	int64_t proven; /* id of the certificate for the proof's key; without
			   proof, of the present one */

	/* the member's newest certificate: id, seconds */
	int64_t present, present_not_after;
	bool present_revoked;
	bool narrowed;	     /* it is narrower than one before, see narrow.h */
	bool wants_approval; /* its key or group does */

	int64_t issued, before; /* id of the new certificate, and the highest
				   before it: set in the job */
};

/* Splits and parses the request. Errors of a CSR are reported by
 * renewal_prepare. Free with renewal_end, also after an error. Returns 0,
 * -EFBIG (also: too long), -EBADMSG or -EINVAL (the first of two CSRs is
 * malformed), or -ENOMEM. */
int renewal_begin(struct renewal *r, const void *data, size_t len);

/* --- prove.c --- */

/* Verifies the proof, and finds the certificate of its key: sets member and
 * proven. It may be revoked or expired. Returns 0, -EKEYREJECTED (another
 * signature, a key without a certificate, or the CN is not the first CSR's
 * hash), -EBADMSG, or the error of either CSR. */
int renewal_prove(struct renewal *r, struct known_key *found);

/* Reads what the member has now. Returns 0, -ESTALE or -errno. */
int renewal_read_member(struct renewal *r);

/* --- renew.c --- */

/* Reads the store, checks and signs. Returns as enrolment_prepare. */
int renewal_prepare(struct renewal *r, struct bytes *reply);

/* Stores the certificate and revokes superseded ones in one transaction.
 * Returns as enrolment_commit. */
int renewal_commit(struct renewal *r, struct bytes *reply);

/* Frees what *r holds. */
void renewal_end(struct renewal *r);

#endif
