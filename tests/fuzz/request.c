/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/internal.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* What is taken in one write is not cut short when it comes in many. */
static void check_cuts(const unsigned char *data, size_t len)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason;

	if (pki_csr_parse(data, len, &csr, &reason))
		return;
	for (size_t n = 1; n < len; n++)
		if (store_request_complete(false, data, n) && !all_space(data + n, len - n))
			abort();
}

/* Once complete, a request stays so whatever follows; its parts lie inside of it. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	struct request r;

	check_cuts(data, len);
	for (int with_key = 0; with_key < 2; with_key++) {
		if (len && store_request_complete(with_key, data, len - 1) &&
			!store_request_complete(with_key, data, len))
			abort();
		if (request_split(with_key, data, len, &r))
			continue;
		if (r.csr < data || r.csr + r.csr_len != data + len)
			abort();
		if (with_key && (const unsigned char *)r.key_text + r.key_len > r.csr)
			abort();
	}
	return 0;
}
