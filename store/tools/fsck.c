/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/base/report.h"
#include "store/base/user.h"
#include "store/store.h"
#include "store/tools/tool.h"

/* fsck.enrollfs: checks a store that is not mounted. */

enum { SOUND = 0, ERRORS_LEFT = 4, CANNOT_RUN = 8, USAGE = 16 }; /* fsck(8) */

enum { LOG_HEAD, UPGRADE };

/* Seconds for a statement that looks at everything, on a server. */
enum { TIMEOUT = 3600 };

static const char usage[] =
    "usage: fsck.enrollfs [-n] [--upgrade] [--master-key FILE] [--log-head HASH] STORE\n"
    "\n"
    "Checks a store that is not mounted: the database, every count, certificate, reference and\n"
    "secret, and the hash chain of the audit trail. Changes nothing, but with --upgrade.\n"
    "\n"
    "    -n                  no effect: fsck never changes what it checks\n"
    "    --upgrade           before: bring a store on a server, which no host has mounted, up to the\n"
    "                        schema of this version. A file's is brought up to date by its next mount\n"
    "    --master-key FILE   the key that encrypts its secrets (default: STORE.key; for a store on a\n"
    "                        server there is none)\n"
    "    --log-head HASH     64 hex digits: a line of the audit trail must have this hash. Take it\n"
    "                        from log.head and keep it elsewhere\n"
    "    -h, --help          print this text\n"
    "    -V, --version       print the version\n"
    "\n"
    "Exit status: 0 sound, 4 errors found, 8 cannot check, 16 usage.\n";

static void print_fault(const char *text, void *arg)
{
	(void)arg;
	puts(text);
}

static int upgrade(const struct store_options *options)
{
	struct store_options now = *options;
	struct store *store;

	now.read_only = now.as_it_is = false;
	now.upgrade = true;
	int rc = store_open(&now, &store);
	if (!rc)
		store_close(store);
	return rc;
}

static int check(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
	    .master_key = o->master_key,
	    .timeout = TIMEOUT,
	    .read_only = true,
	    .as_it_is = true};
	struct store *store;

	if (store_find_key(&options, false) || tool_become_owner(o->store))
		return CANNOT_RUN;
	int rc = o->own[UPGRADE] ? upgrade(&options) : 0;
	if (!rc)
		rc = store_open(&options, &store);
	if (rc)
		return rc == -EUCLEAN ? ERRORS_LEFT : CANNOT_RUN;
	int faults = store_check(store, o->own[LOG_HEAD], print_fault, NULL);
	store_close(store);
	if (faults < 0) {
		report(LOG_ERR, "%s: %s", o->store, strerror(-faults));
		return CANNOT_RUN;
	}
	printf("%s: %s\n", o->store,
	    faults ? "errors found, nothing changed" : "sound");
	return faults ? ERRORS_LEFT : SOUND;
}

int main(int argc, char **argv)
{
	static const struct tool tool = {
	    .name = "fsck.enrollfs",
	    .usage = usage,
	    .ignored = "napyf", /* fsck(8) passes these on */
	    .own =
		{
		    [LOG_HEAD] = {"log-head", false, tool_is_hash,
			"64 hex digits"},
		    [UPGRADE] = {"upgrade", true, NULL, NULL},
		},
	    .failed = CANNOT_RUN,
	    .bad_usage = USAGE,
	    .run = check,
	};

	return tool_main(&tool, argc, argv);
}
