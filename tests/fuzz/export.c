/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/backup/export.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Parsers of an export file before it is authenticated: padding, store id,
 * path. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes text = {0};
	char id[64], path[STORE_PATH];
	int64_t number;

	if (bytes_add(&text, data, len) || export_unpad(&text) ||
	    bytes_add(&text, "", 1))
		return 0;
	const char *line = (char *)text.data;
	if (!export_store_id(line, id, sizeof(id)) && !strstr(line, id))
		abort();
	if (!export_segment_number(line, &number))
		return 0;
	export_segment_path(number, path);
	if (strcmp(path, line) != 0)
		abort();
	return 0;
}
