/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A text with a provisioning key or a PEM private key holds a secret; trailing
 * white space changes nothing. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes longer = {0};
	struct pki_document document;
	struct pki_key_text key;
	const char *reason;
	size_t end;
	int rc = pki_holds_secret(data, len, "corp.example");

	if (pki_key_text_find(data, len, &key, &end, &reason) == 1 && rc != 1)
		abort();
	if (pki_document(data, len, &document, &reason) == 1 &&
	    pki_document_is_key(&document) && rc != 1)
		abort();
	if (bytes_add(&longer, data, len) || bytes_add(&longer, " \n", 2))
		return 0;
	if (pki_holds_secret(longer.data, longer.len, "corp.example") != rc)
		abort();
	return 0;
}
