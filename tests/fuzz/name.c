/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/name.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/* Prefixes of a legal name and suffixes of a legal domain are legal; a name has
 * only portable characters. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	char *text = calloc(1, len + 1), *dot;

	memcpy(text, data, len);
	bool name = name_legal(text, len), domain = domain_legal(text);
	if (name && (len > NAME_MAX_LEN || strlen(text) != len ||
			!name_legal(text, (len + 1) / 2)))
		abort();
	for (size_t i = 0; name && i < len; i++)
		if (!isalnum(data[i]) && (i == 0 || !strchr("._-", text[i])))
			abort();
	dot = domain ? strchr(text, '.') : NULL;
	if (domain &&
	    (strlen(text) > DOMAIN_MAX_LEN || (dot && !domain_legal(dot + 1))))
		abort();
	free(text);
	return 0;
}
