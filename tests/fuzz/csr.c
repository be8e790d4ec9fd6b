/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason, *name;
	size_t n;

	if (pki_csr_parse(data, len, &csr, &reason)) {
		if (!reason || csr)
			abort();
		return 0;
	}
	pki_csr_verify(csr, &reason);
	pki_csr_allowed(csr, &reason);
	name = pki_csr_common_name(csr);
	if (!pki_csr_spki(csr, &n) || (name && strlen(name) > len))
		abort();
	return 0;
}
