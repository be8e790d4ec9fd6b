/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fs/value.h"
#include "store/base/clock.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	char *text = malloc(len + 1);
	int64_t number, at;
	bool flag;

	memcpy(text, data, len);
	text[len] = '\0';
	if (!value_limit(text, &number, &flag) && !flag &&
	    number < STORE_UNLIMITED)
		abort();
	if (!value_time(text, 1795000000, &at) && at != STORE_NEVER &&
	    (at < 0 || at > CLOCK_MAX))
		abort();
	value_boolean(text, &flag);
	value_line(text);
	free(text);
	return 0;
}
