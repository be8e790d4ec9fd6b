/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A result other than "incomplete" does not change with further bytes; the
 * document lies within the input. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes der = {0};
	struct pki_document all, part;
	const char *reason, *before_reason;
	int rc = pki_document(data, len, &all, &reason);

	for (size_t n = len > 300 ? len - 300 : 0; n < len; n++) {
		int before = pki_document(data, n, &part, &before_reason);
		if (before && (before != rc || (rc == 1 && part.end != all.end)))
			abort();
	}
	if ((rc < 0) != !!reason && len)
		abort();
	if (rc == 1 && (all.end > len || all.body < data ||
			   all.body + all.len > data + len))
		abort();
	if (rc == 1 && !pki_document_der(&all, &der) && der.len > len)
		abort();
	if (pki_document_next(data, len, &all) == 1 && all.end > len)
		abort();
	return 0;
}
