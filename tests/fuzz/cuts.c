/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/enroll/request.h"
#include "store/enrollment.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A CSR that is accepted in one write is not complete after fewer bytes. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason;

	if (pki_csr_parse(data, len, &csr, &reason))
		return 0;
	for (size_t n = 1; n < len; n++)
		if (store_request_complete(STORE_CSR, data, n) &&
		    !all_space(data + n, len - n))
			abort();
	return 0;
}
