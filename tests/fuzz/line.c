/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/backup/line.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* A line that is taken apart is the same when it is composed again. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	CLEANUP_BYTES struct bytes text = {0}, again = {0};
	struct line line = {.time = 1790000000};

	if (bytes_add(&text, data, len) || bytes_add(&text, "", 1))
		return 0;
	if (!line_parse((char *)text.data, &line) &&
	    (line_compose(&line, &again) ||
		again.len != strlen((char *)text.data) ||
		memcmp(again.data, text.data, again.len) != 0))
		abort();
	line_free(&line);
	return 0;
}
