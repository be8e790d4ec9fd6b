/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/path.h"
#include "store/base/process.h"
#include "store/store.h"

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

struct options {
	char *store, *master_key; /* absolute, to be freed */
	const char *given_store, *given_key;
	const char *domain;
	bool help, version;
};

static int make(const struct options *o)
{
	struct store_options options = {.path = o->store,
		.master_key = o->master_key,
		.domain = o->domain,
		.must_be_new = true};
	struct store *store;

	if (store_open(&options, &store))
		return FAILED;
	store_close(store);
	return MADE;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"domain", required_argument, NULL, 'd'},
		{"master-key", required_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "hV", names, NULL)) != -1)
		switch (c) {
		case 'd':
			o->domain = optarg;
			break;
		case 'k':
			o->given_key = optarg;
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->version = true;
			break;
		default:
			return -1;
		}
	if (optind == argc - 1)
		o->given_store = argv[optind];
	return o->help || o->version || o->given_store ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	int rc = USAGE;

	process_protect();
	if (parse(argc, argv, &o)) {
		fputs(usage, stderr);
	} else if (o.help) {
		fputs(usage, stdout);
		rc = MADE;
	} else if (o.version) {
		puts("mkfs.enrollfs " ENROLLFS_VERSION);
		rc = MADE;
	} else if (path_absolute_copy(o.given_store, "store", &o.store) ||
		   path_absolute_copy(o.given_key, "master key", &o.master_key)) {
		rc = FAILED;
	} else {
		rc = make(&o);
	}
	free(o.store);
	free(o.master_key);
	return rc;
}
