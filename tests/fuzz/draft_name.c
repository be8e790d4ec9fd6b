/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/draft_name.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	static const struct attr attrs[] = {
	    {.name = "max_uses"}, {.name = "cert.pem"}};
	static const struct attr drops[] = {{.name = ".csr", .flags = AT_DROP}};
	static const struct kind key = {.attr = attrs, .attrs = 2};
	static const struct kind drop = {
	    .attr = drops, .attrs = 1, .flat = true};
	char *name = malloc(len + 1);

	memcpy(name, data, len);
	name[len] = '\0';
	draft_name_made(name, O_EXCL, 0600);
	draft_name_beside(&drop, name);
	draft_name_drops(&drop, name);
	/* the name of an attribute is never a draft's */
	if (draft_name_beside(&key, name) &&
	    (strcmp(name, "max_uses") == 0 || !strpbrk(name, ".~#,-0123456789")))
		abort();
	free(name);
	return 0;
}
