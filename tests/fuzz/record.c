/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/backup/export.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static const char begin[] =
    "{\"store\":\"0123456789abcdef\",\"path\":\"trail/00000007.jsonl\",\"seq\":6001,";

/* A text with a valid MAC is a record only with the expected head and
 * number. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	static struct store store = {.id = "0123456789abcdef"};
	CLEANUP_BYTES struct bytes head = {0}, text = {0};
	const unsigned char key[PKI_SECRET] = {0};
	bool is = len >= sizeof(begin) - 1 &&
		  memcmp(data, begin, sizeof(begin) - 1) == 0;

	if ((!store.sealer && pki_sealer_new(key, store.id, &store.sealer)) ||
	    export_record_head(store.id, 7, &head) ||
	    bytes_add(&text, data, len))
		return 0;
	export_record_wrong(&store, (char *)text.data, len, &head, 6001);
	if (export_seal(&store, &text) ||
	    is == !!export_record_wrong(
		      &store, (char *)text.data, text.len, &head, 6001))
		abort();
	return 0;
}
