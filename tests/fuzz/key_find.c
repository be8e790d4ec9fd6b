/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A key that is found is in the input, and no prefix is refused. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes text = {0}, found = {0};
	struct pki_key_text key, part;
	const char *reason;
	size_t end, n;

	if (pki_key_text_find(data, len, &key, &end, &reason) != 1)
		return 0;
	for (n = 0; n < len; n++)
		if (pki_key_text_find(data, n, &part, &end, &reason) < 0)
			abort();
	if (pki_key_text_find(data, len, &part, &end, &reason) != 1 || end > len)
		abort();
	for (n = 0; n < end; n++)
		if (data[n] > ' ' && bytes_add(&found, data + n, 1))
			abort();
	if (pki_key_text_format(&key, &text) ||
	    !memmem(found.data, found.len, text.data, text.len - 1))
		abort();
	return 0;
}
