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

static const char usage[] =
    "usage: fsck.enrollfs [-n] [--master-key FILE] [--log-head HASH] STORE\n"
    "\n"
    "Checks a store that is not mounted: the database, every count, certificate, reference and\n"
    "secret, and the chain of the audit trail. Changes nothing.\n"
    "\n"
    "    -n                  as always: nothing is changed\n"
    "    --master-key FILE   what its secrets are encrypted with (default: STORE.key)\n"
    "    --log-head HASH     a line of the audit trail has to have this hash: what log.head said\n"
    "                        at some time, kept elsewhere: 64 hex digits\n"
    "    -h, --help          this text\n"
    "    -V, --version       the version\n"
    "\n"
    "Exit status: 0 sound, 4 errors found, 8 it could not be checked, 16 usage.\n";

static void found(const char *text, void *arg)
{
	(void)arg;
	puts(text);
}

static int check(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
	    .master_key = o->master_key,
	    .read_only = true,
	    .as_it_is = true};
	struct store *store;
	struct user owner;

	if (store_find_key(&options, false))
		return CANNOT_RUN;
	/* what root made there would not be its daemon's, and its daemon's
	 * files are not root's to trust */
	int rc = geteuid() == 0 ? user_of(o->store, &owner) : 0;
	if (rc)
		report(LOG_ERR, "store %s: %s", o->store, strerror(-rc));
	if (rc || (geteuid() == 0 && user_become(&owner)))
		return CANNOT_RUN;
	rc = store_open(&options, &store);
	if (rc)
		return rc == -EUCLEAN ? ERRORS_LEFT : CANNOT_RUN;
	int faults = store_check(store, o->own[0], found, NULL);
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
	    .ignored = "napyf", /* fsck(8) passes these on; there is nothing
				   they could change */
	    .own = {{"log-head", false, tool_is_hash, "64 hex digits"}},
	    .failed = CANNOT_RUN,
	    .bad_usage = USAGE,
	    .run = check,
	};

	return tool_main(&tool, argc, argv);
}
