/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	struct pki_key_info info;
	struct pki_cert_info cert;
	const char *reason;
	/* within the validity of the certificates in the corpus */
	int rc = pki_bundle_parse(
	    data, len, NULL, INT64_C(1800000000), &bundle, &reason);

	if (rc < 0 && !reason)
		abort();
	if (rc)
		return 0;
	if (pki_cert_info(bundle.cert.data, bundle.cert.len, &cert) == 0 &&
	    pki_key_describe(bundle.key.data, bundle.key.len, &info) == 0)
		pki_bundle_try(&bundle, bundle.key.data, bundle.key.len,
		    "corp.example", INT64_C(1800000000), &reason);
	return 0;
}
