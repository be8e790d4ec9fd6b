/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/base/report.h"
#include "store/base/user.h"
#include "store/store.h"
#include "store/tools/tool.h"

/* mkfs.enrollfs: makes a store, as the first mount would, or restores one from
 * a copy of export/. */

enum { MADE = 0, FAILED = 1, USAGE = 2 };

enum { DOMAIN, FROM, SKIP_MISSING, ACCEPT_OLDER, LOG_HEAD, USER };

/* Seconds for a statement that looks at everything, on a server. */
enum { TIMEOUT = 3600 };

static const char usage[] =
    "usage: mkfs.enrollfs [--domain NAME] [--user NAME] [--master-key FILE] STORE\n"
    "       mkfs.enrollfs --from DIR [--skip-missing] [--accept-older] [--log-head HASH]\n"
    "                     [--user NAME] [--master-key FILE] STORE\n"
    "\n"
    "Makes a store with its master key and its default certificates, or restores one from a copy\n"
    "of export/. Overwrites nothing, and leaves no incomplete store behind.\n"
    "\n"
    "    --domain NAME       the domain in keys and certificates (default: the host's name)\n"
    "    --from DIR          a copy of export/ to restore; the master key must exist\n"
    "    --skip-missing      delete keys and certificates that have no file in the copy\n"
    "    --accept-older      accept an audit trail that ends before the record named in store.json;\n"
    "                        the changes in the missing records are lost\n"
    "    --log-head HASH     64 hex digits: a line of the copy's audit trail must have this hash.\n"
    "                        Take it from log.head and keep it elsewhere\n"
    "    --master-key FILE   the key that encrypts its secrets (default: STORE.key; made if it does\n"
    "                        not exist)\n"
    "    --user NAME         as root: the owner of the store, its directory and its master key, and\n"
    "                        the user of the daemon (default: enrollfs, else the directory's owner)\n"
    "    -h, --help          print this text\n"
    "    -V, --version       print the version\n"
    "\n"
    "Exit status: 0 made, 1 not made, 2 usage.\n";

/* Draws a progress bar. */
static void show_progress(int64_t done, int64_t total, void *arg)
{
	static const char
	    bar[] = "##################################################";
	int *shown = arg;
	int percent = total > 0 && done < total ? (int)(done * 100 / total)
						: 100;

	if (percent == *shown)
		return;
	*shown = percent;
	fprintf(stderr, "\r[%-50.*s] %3d %%%s", percent / 2, bar, percent,
	    percent == 100 ? "\nchecking every certificate\n" : "");
}

static int restore(
    const struct tool_arguments *o, const struct store_options *options)
{
	int shown = -1;
	struct store_restore how = {
	    .from = o->own[FROM],
	    .skip_missing = o->own[SKIP_MISSING],
	    .accept_older = o->own[ACCEPT_OLDER],
	    .log_head = o->own[LOG_HEAD],
	    .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
	    .arg = &shown,
	};
	int rc = store_restore(options, &how);

	if (shown >= 0 && shown < 100)
		fputc('\n', stderr);
	return rc ? FAILED : MADE;
}

/* The copy may be readable by root only. */
static int drop_privileges(
    const struct tool_arguments *o, const struct user *user)
{
	return o->own[FROM] ? user_become_reader(user) : user_become(user);
}

/* The server knows the daemon's user, and not root: that user makes the key. */
static int become_user_of_server(
    const struct tool_arguments *o, struct store_options *options)
{
	struct user user;

	if (user_named(o->own[USER], &user) || store_find_key(options, false) ||
	    drop_privileges(o, &user))
		return -1;
	return options->key_fd < 0 ? store_find_key(options, !o->own[FROM]) : 0;
}

/* As root: opens the master key, then drops privileges to the store's user. */
static int become_user(
    const struct tool_arguments *o, struct store_options *options)
{
	struct user user;

	if (geteuid() != 0) {
		if (o->own[USER])
			report(LOG_ERR,
			    "--user: only root can make a store for another user");
		return o->own[USER] ? -1 : 0;
	}
	if (store_is_on_server(o->store))
		return become_user_of_server(o, options);
	if (access(o->store, F_OK) == 0) {
		report(LOG_ERR,
		    "%s: %s: nothing is overwritten; fsck.enrollfs says what it is",
		    o->store, strerror(EEXIST));
		return -1;
	}
	if (user_choose(o->own[USER], o->store, store_files(o->store), &user) ||
	    store_find_key(options, !o->own[FROM]))
		return -1;
	return drop_privileges(o, &user);
}

/* Logs and refuses an option that needs --from. */
static bool lacks_from(const struct tool_arguments *o)
{
	static const struct {
		int option;
		const char *name;
	} needs[] = {{SKIP_MISSING, "skip-missing"},
	    {ACCEPT_OLDER, "accept-older"}, {LOG_HEAD, "log-head"}};

	for (size_t i = 0;
	     i < sizeof(needs) / sizeof(needs[0]) && !o->own[FROM]; i++)
		if (o->own[needs[i].option]) {
			report(LOG_ERR, "--%s: only with --from", needs[i].name);
			return true;
		}
	return false;
}

static int make(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
	    .master_key = o->master_key,
	    .timeout = TIMEOUT,
	    .domain = o->own[DOMAIN],
	    .must_be_new = true,
	    .uid = getuid(),
	    .gid = getgid()};
	struct store *store;

	if (lacks_from(o))
		return USAGE;
	if (o->own[DOMAIN] && !domain_legal(o->own[DOMAIN])) {
		report(LOG_ERR,
		    "--domain=%s: has to be a lower-case DNS name of at most %d bytes",
		    o->own[DOMAIN], DOMAIN_MAX_LEN);
		return FAILED;
	}
	if (become_user(o, &options))
		return FAILED;
	if (o->own[FROM])
		return restore(o, &options);
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
	    .own =
		{
		    [DOMAIN] = {"domain", false, NULL, "a lower-case DNS name"},
		    [FROM] = {"from", false, NULL, "a directory"},
		    [SKIP_MISSING] = {"skip-missing", true, NULL, NULL},
		    [ACCEPT_OLDER] = {"accept-older", true, NULL, NULL},
		    [LOG_HEAD] = {"log-head", false, tool_is_hash,
			"64 hex digits"},
		    [USER] = {"user", false, NULL, "a user's name or number"},
		},
	    .failed = FAILED,
	    .bad_usage = USAGE,
	    .run = make,
	};

	return tool_main(&tool, argc, argv);
}
