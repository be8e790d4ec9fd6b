/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/call.h"
#include "store/store.h"
#include "store/tools/tool.h"

/* trim.enrollfs: removes from a store that is not mounted what is long over. */

enum { TRIMMED = 0, FAILED = 1, USAGE = 2 };

enum { BEFORE, EXPIRED, TRAIL };

/* Seconds for a statement that looks at everything, on a server. */
enum { TIMEOUT = 3600 };

enum { DAY = 86400, DAYS_MAX = 36500 };

static const char usage[] =
    "usage: trim.enrollfs [--before DATE] [--expired DAYS] [--trail DIR] [--master-key FILE] STORE\n"
    "\n"
    "Shrinks a store that is not mounted. At least one of the first two options is needed.\n"
    "\n"
    "    --before DATE       move the lines of the audit trail before this date, as 2026-01-01 or\n"
    "                        2026-01-01T00:00:00Z (UTC), to STORE.trail-FIRST-LAST.jsonl, with the\n"
    "                        numbers of the first and the last line\n"
    "    --expired DAYS      remove members and certificates that expired at least so many days ago,\n"
    "                        and are on no revocation list; and what was removed so long ago\n"
    "    --trail DIR         the directory for the lines (default: that of the store; for a store on a\n"
    "                        server the present one)\n"
    "    --master-key FILE   the key that encrypts its secrets (default: STORE.key; for a store on a\n"
    "                        server there is none)\n"
    "    -h, --help          print this text\n"
    "    -V, --version       print the version\n"
    "\n"
    "Exit status: 0 trimmed, also if there was nothing to trim, 1 not trimmed, 2 usage.\n";

/* Returns the date in seconds, or -1. */
static int64_t parse_date(const char *text)
{
	static const char *const form[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};

	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		struct tm tm = {0};
		char again[CLOCK_TEXT];
		const char *end = strptime(text, form[i], &tm);
		/* strptime takes fewer digits, and days that there are not */
		if (!end || *end)
			continue;
		int64_t seconds = timegm(&tm);
		clock_text(seconds, again);
		if (strncmp(text, again, i ? strlen(again) : 10) == 0)
			return seconds;
	}
	return -1;
}

static bool is_date(const char *text)
{
	int64_t date = parse_date(text);

	return date > 0 && clock_past(date);
}

static bool is_days(const char *text)
{
	return strspn(text, "0123456789") == strlen(text) &&
	       strlen(text) <= 5 && strtol(text, NULL, 10) <= DAYS_MAX;
}

static void print(const char *store, const struct store_trim *trim)
{
	if (trim->lines)
		printf("%s: %" PRId64 " lines\n", trim->file, trim->lines);
	printf("%s: removed %" PRId64 " members, %" PRId64
	       " certificates, %" PRId64 " other objects\n",
	    store, trim->members, trim->certs, trim->others);
}

static int trim_store(
    struct store *store, uid_t uid, gid_t gid, const struct tool_arguments *o)
{
	struct store_call call = {
	    .uid = uid, .gid = gid, .pid = getpid(), .comm = "trim.enrollfs"};
	struct store_trim trim = {.folder = o->own[TRAIL]};

	if (o->own[BEFORE])
		trim.before = parse_date(o->own[BEFORE]);
	if (o->own[EXPIRED])
		trim.expired = clock_now() / CLOCK_SECOND -
			       strtol(o->own[EXPIRED], NULL, 10) * DAY;
	int rc = store_trim(store, &call, &trim);
	store_close(store);
	if (!rc)
		print(o->store, &trim);
	return rc ? FAILED : TRIMMED;
}

static int trim(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
	    .master_key = o->master_key,
	    .timeout = TIMEOUT,
	    .upgrade = true,
	    .alone = true};
	uid_t uid = getuid();
	gid_t gid = getgid();
	struct store *store;

	if (!o->own[BEFORE] && !o->own[EXPIRED]) {
		report(LOG_ERR,
		    "--before or --expired is missing; --help says more");
		return USAGE;
	}
	if (store_find_key(&options, false) || tool_become_owner(o->store) ||
	    store_open(&options, &store))
		return FAILED;
	return trim_store(store, uid, gid, o);
}

int main(int argc, char **argv)
{
	static const struct tool tool = {
	    .name = "trim.enrollfs",
	    .usage = usage,
	    .ignored = "",
	    .own =
		{
		    [BEFORE] = {"before", false, is_date,
			"a date that is past, as 2026-01-01"},
		    [EXPIRED] = {"expired", false, is_days, "a number of days"},
		    [TRAIL] = {"trail", false, NULL, "a directory"},
		},
	    .failed = FAILED,
	    .bad_usage = USAGE,
	    .run = trim,
	};

	return tool_main(&tool, argc, argv);
}
