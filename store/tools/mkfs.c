/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "store/store.h"
#include "store/tools/tool.h"

/* mkfs.enrollfs: makes a store, as the first mount would. */

enum { MADE = 0, FAILED = 1, USAGE = 2 };

static const char usage[] =
	"usage: mkfs.enrollfs [--domain NAME] [--master-key FILE] STORE\n"
	"\n"
	"Makes a store with its master key and its default certificates. Overwrites nothing.\n"
	"\n"
	"    --domain NAME       the name written into keys and certificates (default: the "
	"host's)\n"
	"    --master-key FILE   what its secrets are encrypted with (default: STORE.key; made if "
	"it\n"
	"                        is not there)\n"
	"    -h, --help          this text\n"
	"    -V, --version       the version\n"
	"\n"
	"Exit status: 0 made, 1 not made, 2 usage.\n";

static int make(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
		.master_key = o->master_key,
		.domain = o->own,
		.must_be_new = true};
	struct store *store;

	if (store_open(&options, &store))
		return FAILED;
	store_close(store);
	return MADE;
}

int main(int argc, char **argv)
{
	static const struct tool tool = {
		.name = "mkfs.enrollfs",
		.usage = usage,
		.ignored = "",
		.own = "domain",
		.failed = FAILED,
		.bad_usage = USAGE,
		.run = make,
	};

	return tool_main(&tool, argc, argv);
}
