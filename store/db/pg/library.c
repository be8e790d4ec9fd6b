/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/pg/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "store/base/report.h"

struct pg_library pq;

/* One that is there is never unloaded: it may have set up what stays. */
static void *library;

static int missing(void)
{
	const char *why = dlerror();

	report(LOG_ERR,
	    "a store on a server needs the library libpq (Debian: libpq5): %s",
	    why ? why : strerror(ENOENT));
	return -ENOENT;
}

int pg_load(void)
{
	if (library)
		return 0;
	void *loaded = dlopen("libpq.so.5", RTLD_NOW);
	if (!loaded)
		return missing();
#define PG_FUNCTION(name)                          \
	*(void **)&pq.name = dlsym(loaded, #name); \
	if (!pq.name)                              \
		return missing();
	PG_LIBRARY(PG_FUNCTION)
#undef PG_FUNCTION
	library = loaded;
	return 0;
}
