/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Names are inside of what they were read from, each once. */
static void check_asked(const struct pki_asked *asked, const unsigned char *der,
    size_t len, int max)
{
	if (asked->names < 0 || asked->names > max ||
	    asked->usages & ~(unsigned)PKI_USAGES)
		abort();
	if (!asked->names_fault && asked->has_names != (asked->names > 0))
		abort();
	if (!asked->usages_fault && asked->has_usages != (asked->usages != 0))
		abort();
	for (int i = 0; i < asked->names; i++) {
		const struct pki_name *name = &asked->name[i];
		if (name->at < der || name->at > der + len ||
		    name->len > (size_t)(der + len - name->at))
			abort();
		for (int k = 0; k < i; k++)
			if (pki_name_equal(name, &asked->name[k]))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	struct pki_asked asked;
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason, *name;
	size_t n;

	pki_cert_asked(data, len, &asked);
	check_asked(&asked, data, len, PKI_NAMES_MAX);
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
	const unsigned char *der = pki_csr_der(csr, &n);
	pki_csr_asked(csr, &asked);
	check_asked(&asked, der, n, PKI_ASKED_MAX);
	return 0;
}
