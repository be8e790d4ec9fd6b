/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Only the canonical text of a key is accepted. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes again = {0};
	struct pki_key_text key;
	const char *reason;

	if (pki_key_text_parse((const char *)data, len, &key, &reason))
		return 0;
	if (pki_key_text_format(&key, &again) || again.len != len + 1 ||
	    memcmp(again.data, data, len) != 0)
		abort();
	return 0;
}
