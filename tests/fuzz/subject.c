/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* The normal form of a subject is accepted, and is its own normal form. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes text = {0}, once = {0}, twice = {0};
	const char *reason;

	if (bytes_add(&text, data, len) || bytes_add(&text, "", 1))
		return 0;
	if (pki_subject((char *)text.data, &once, &reason)) {
		if (!reason)
			abort();
		return 0;
	}
	if (pki_subject((char *)once.data, &twice, &reason) ||
	    strcmp((char *)once.data, (char *)twice.data) != 0)
		abort();
	return 0;
}
