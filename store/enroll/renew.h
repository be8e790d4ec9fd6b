/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_RENEW_H
#define STORE_ENROLL_RENEW_H

/* One renewal in its two halves; as enroll.h. */
#include "store/enroll/issue.h"

struct renewal {
	struct issuance i;
	int64_t member; /* id; 0 until the proof has named it */
	bool by_proof;
	struct pki_csr *proof; /* NULL: malformed, see proof_error */
	int proof_error;
	const char *proof_reason;
	int64_t shown; /* the certificate whose key signed the proof, or the
			  present one */

	int64_t present, present_not_after;
	bool present_revoked;
};

int renewal_begin(struct renewal *r, const void *data, size_t len);
int renewal_prepare(struct renewal *r, struct bytes *reply);
int renewal_commit(struct renewal *r, struct bytes *reply);
void renewal_end(struct renewal *r);

#endif
