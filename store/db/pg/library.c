/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/pg/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"

struct pg_library pq;

/* One that is there is never unloaded: it may have set up what stays. */
static void *library;

static void missing(void)
{
	const char *why = dlerror();

	report(LOG_ERR,
	    "a store on a server needs the library libpq (Debian: libpq5): %s",
	    why ? why : strerror(ENOENT));
}

static bool find_functions(void *loaded)
{
#define PG_FUNCTION(name)                          \
	*(void **)&pq.name = dlsym(loaded, #name); \
	if (!pq.name)                              \
		return false;
	PG_LIBRARY(PG_FUNCTION)
#undef PG_FUNCTION
	return true;
}

/* The URI alone says which server it is, and that it is verified. The home
 * directory is that of whoever started the program, and cannot be read any
 * more: a certificate that libpq looks for there would be an error. */
static void ignore_environment(void)
{
	static const char *const variable[] = {"PGHOST", "PGHOSTADDR", "PGPORT",
	    "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGOPTIONS",
	    "PGTARGETSESSIONATTRS", "PGCLIENTENCODING"};

	for (size_t i = 0; i < sizeof(variable) / sizeof(variable[0]); i++)
		unsetenv(variable[i]);
	setenv("HOME", "/nonexistent", 1);
}

int pg_load(void)
{
	if (library)
		return 0;
	ignore_environment();
	void *loaded = dlopen("libpq.so.5", RTLD_NOW);
	if (loaded && find_functions(loaded)) {
		library = loaded;
		return 0;
	}
	missing();
	if (loaded)
		dlclose(loaded);
	return -ENOENT;
}
