/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* the SPKI hash of the certificates in the corpus, a time in their validity */
static const char
    key[] = "bad6d999bca1a8cee0527cbf57c2bfa99dff338df46b707d188bb892bc844eea";
static const int64_t now = INT64_C(1800000000);

/* No prefix of whole lines of an accepted input is refused. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0}, part = {0};
	CLEANUP_BYTES struct bytes subject = {0};
	unsigned char own[PKI_HASH];
	const char *reason;

	hex_bytes(key, sizeof(key) - 1, own, sizeof(own));
	if (pki_bundle_parse(data, len, own, now, &bundle, &reason))
		return reason ? 0 : (abort(), 0);
	for (size_t n = 1; n < len; n++, pki_bundle_free(&part))
		if (data[n - 1] == '\n' &&
		    pki_bundle_parse(data, n, own, now, &part, &reason) < 0)
			abort();
	if (pki_cert_subject(bundle.cert.data, bundle.cert.len, true, &subject))
		abort();
	return 0;
}
