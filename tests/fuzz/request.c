/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/enroll/request.h"
#include "store/enrollment.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Complete input stays complete with further bytes; the parts lie within it. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	struct request r;
	const char *reason;

	for (int with_key = 0; with_key < 2; with_key++) {
		if (len && store_request_complete(with_key, data, len - 1) &&
		    !store_request_complete(with_key, data, len))
			abort();
		request_too_long(with_key, data, len);
		if (request_split(with_key, data, len, &r, &reason))
			continue;
		if (r.csr < data || r.csr + r.csr_len != data + len)
			abort();
		/* a malformed key extends to the end */
		if (with_key &&
		    (const unsigned char *)r.key_text + r.key_len > r.csr &&
		    r.key_len != len)
			abort();
	}
	return 0;
}
