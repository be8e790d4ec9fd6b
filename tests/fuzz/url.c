/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Lines that are URLs are short, few, of graphic ASCII characters, and each of
 * them is a URL by itself. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	char *text = calloc(1, len + 1);
	const char *reason;
	int lines = 0;

	memcpy(text, data, len);
	if (*text && pki_urls(text, &reason) == 0)
		for (char *at = text, *line; (line = strsep(&at, "\n"));) {
			size_t n = strlen(line);
			if (++lines > PKI_URLS || n > PKI_URL_MAX || !n ||
			    pki_urls(line, &reason))
				abort();
			for (size_t i = 0; i < n; i++)
				if (line[i] <= ' ' || line[i] > '~')
					abort();
		}
	free(text);
	return 0;
}
