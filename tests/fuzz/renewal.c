/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/enroll/request.h"
#include "store/enrollment.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Two CSRs: complete input stays complete with further bytes; the parts lie
 * within it and do not overlap. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_CSR struct pki_csr *csr = NULL, *proof = NULL;
	struct request r;
	const char *reason;

	if (len && store_request_complete(STORE_CSR_AND_PROOF, data, len - 1) &&
	    !store_request_complete(STORE_CSR_AND_PROOF, data, len))
		abort();
	if (request_split(STORE_CSR_AND_PROOF, data, len, &r, &reason))
		return 0;
	if (r.csr < data || r.csr + r.csr_len > r.proof ||
	    r.proof + r.proof_len != data + len)
		abort();
	if (pki_csr_parse(r.csr, r.csr_len, &csr, &reason) ||
	    pki_csr_parse(r.proof, r.proof_len, &proof, &reason))
		return 0;
	if (!pki_csr_verify(proof, &reason) && !pki_csr_strong(proof, &reason))
		request_named_by(csr, proof);
	return 0;
}
