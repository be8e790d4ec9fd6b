/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/backup/record.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A record's parts are of its text, one behind the other. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	struct record_parts parts = {0};
	size_t all = 0;

	if (!record_split((const char *)data, len, &parts))
		for (int i = 0; i < RECORD_PARTS; i++)
			all += parts.text[i].len;
	if (all > len + RECORD_PARTS)
		abort();
	record_parts_free(&parts);
	return 0;
}
