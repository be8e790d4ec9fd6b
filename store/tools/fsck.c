/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/path.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/store.h"

/* fsck.enrollfs: checks a store that is not mounted. */

enum { SOUND = 0, ERRORS_LEFT = 4, CANNOT_RUN = 8, USAGE = 16 }; /* fsck(8) */

static const char usage[] =
	"usage: fsck.enrollfs [-n] [--master-key FILE] [--log-head HASH] STORE\n"
	"\n"
	"Checks a store that is not mounted: the database, every count, certificate, reference "
	"and\n"
	"secret, and the chain of the audit trail. Changes nothing.\n"
	"\n"
	"    -n                  as always: nothing is changed\n"
	"    --master-key FILE   what its secrets are encrypted with (default: STORE.key)\n"
	"    --log-head HASH     a line of the audit trail has to have this hash: what log.head "
	"said\n"
	"                        at some time, kept elsewhere: 64 hex digits\n"
	"    -h, --help          this text\n"
	"    -V, --version       the version\n"
	"\n"
	"Exit status: 0 sound, 4 errors found, 8 it could not be checked, 16 usage.\n";

struct options {
	char *store, *master_key; /* absolute, to be freed */
	const char *given_store, *given_key;
	const char *log_head;
	bool help, version;
};

static void found(const char *text, void *arg)
{
	(void)arg;
	puts(text);
}

static int check(const struct options *o)
{
	struct store_options options = {
		.path = o->store, .master_key = o->master_key, .read_only = true, .as_it_is = true};
	struct store *store;

	if (store_open(&options, &store))
		return CANNOT_RUN;
	int faults = store_check(store, o->log_head, found, NULL);
	store_close(store);
	if (faults < 0) {
		report(LOG_ERR, "%s: %s", o->store, strerror(-faults));
		return CANNOT_RUN;
	}
	printf("%s: %s\n", o->store, faults ? "errors found, nothing changed" : "sound");
	return faults ? ERRORS_LEFT : SOUND;
}

static bool is_hash(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"master-key", required_argument, NULL, 'k'},
		{"log-head", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	/* fsck(8) passes -a, -p, -y and -f on; there is nothing that they could change */
	while ((c = getopt_long(argc, argv, "napyfhV", names, NULL)) != -1)
		switch (c) {
		case 'k':
			o->given_key = optarg;
			break;
		case 'l':
			if (!is_hash(optarg))
				return -1;
			o->log_head = optarg;
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->version = true;
			break;
		case '?':
			return -1;
		default:
			break;
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
		rc = SOUND;
	} else if (o.version) {
		puts("fsck.enrollfs " ENROLLFS_VERSION);
		rc = SOUND;
	} else if (path_absolute_copy(o.given_store, "store", &o.store) ||
		   path_absolute_copy(o.given_key, "master key", &o.master_key)) {
		rc = CANNOT_RUN;
	} else {
		rc = check(&o);
	}
	free(o.store);
	free(o.master_key);
	return rc;
}
