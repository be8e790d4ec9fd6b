/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/options.h"

#include <grp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fuse_lowlevel.h>

#include "store/base/name.h"
#include "store/base/report.h"
#include "store/store.h"

/* Keys for our options with a value missing or too many. */
enum { KEY_NO_VALUE, KEY_VALUE };

#define OPTION(text, member)                              \
	{                                                 \
		text, offsetof(struct options, member), 1 \
	}

static const struct fuse_opt option_table[] = {
    OPTION("domain=%s", domain),
    OPTION("master_key=%s", master_key),
    OPTION("export_gid=%s", export_group),
    OPTION("audit_gid=%s", audit_group),
    OPTION("user=%s", user),
    OPTION("crl_delay=%s", crl_delay_text),
    OPTION("timeout=%s", timeout_text),
    OPTION("ro", read_only),
    OPTION("accept_older", accept_older),
    OPTION("allow_other", allow_other),
    OPTION("noallow_other", noallow_other),
    OPTION("-f", foreground),
    OPTION("-d", debug),
    OPTION("debug", debug),
    OPTION("-h", help),
    OPTION("--help", help),
    OPTION("-V", version),
    OPTION("--version", version),
    /* in fstab for other programs */
    FUSE_OPT_KEY("rw", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("suid", FUSE_OPT_KEY_DISCARD), /* set by mount.fuse3 */
    FUSE_OPT_KEY("dev", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("defaults", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("auto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("noauto", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("nofail", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("_netdev", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("user", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("users", FUSE_OPT_KEY_DISCARD),

    /* without their value, or with one they do not take */
    FUSE_OPT_KEY("domain", KEY_NO_VALUE),
    FUSE_OPT_KEY("master_key", KEY_NO_VALUE),
    FUSE_OPT_KEY("export_gid", KEY_NO_VALUE),
    FUSE_OPT_KEY("audit_gid", KEY_NO_VALUE),
    FUSE_OPT_KEY("crl_delay", KEY_NO_VALUE),
    FUSE_OPT_KEY("timeout", KEY_NO_VALUE),
    FUSE_OPT_KEY("ro=", KEY_VALUE),
    FUSE_OPT_KEY("allow_other=", KEY_VALUE),
    FUSE_OPT_KEY("noallow_other=", KEY_VALUE),

    FUSE_OPT_END,
};

static const char usage[] =
    "usage: enrollfs [-f] [-o OPTION,...] STORE MOUNTPOINT\n"
    "\n"
    "Mounts the enrollment service whose data is in the file STORE, or, if that is\n"
    "postgresql://HOST/DATABASE, on a server. Creates STORE on first use.\n"
    "\n"
    "    -f                  stay in the foreground, log to stderr\n"
    "    -h, --help          print this text\n"
    "    -V, --version       print the version\n"
    "    -o domain=NAME      name in keys and certificates, fixed once the store exists\n"
    "                        (default: the host's name)\n"
    "    -o master_key=FILE  key that encrypts the store's secrets (default: STORE.key,\n"
    "                        created on first use; must not be readable by others)\n"
    "    -o user=NAME        as root: run as this user (default: enrollfs, or the owner\n"
    "                        of the store's directory if that user has no access)\n"
    "    -o export_gid=GROUP name or number of the group that may read export/\n"
    "                        (default: 0)\n"
    "    -o audit_gid=GROUP  name or number of the group that may read log, log.head and\n"
    "                        tables/, beside the owner of the mount's root (default: the\n"
    "                        root's group)\n"
    "    -o crl_delay=SECONDS\n"
    "                        a long revocation list may lack revocations for so long, from\n"
    "                        0 (never) to 3600 (default: 10)\n"
    "    -o timeout=SECONDS  how long a server is waited for, from 1 to 300 (default: 10)\n"
    "    -o ro               read-only: keys cannot be copied, machines cannot enroll\n"
    "    -o accept_older     accept a copy of the store that was made while it was\n"
    "                        mounted, without its write-ahead log; later changes are lost\n"
    "    -o allow_other      let other users use the mount (default as root)\n"
    "    -o noallow_other    do not\n"
    "    -d                  print every request (implies -f)\n"
    "\n"
    "To end: umount MOUNTPOINT (as root) or fusermount3 -u MOUNTPOINT.\n";

/* Takes the positional arguments; other options go to libfuse. */
static int take_argument(
    void *data, const char *arg, int key, struct fuse_args *rest)
{
	struct options *o = data;

	(void)rest;
	if (key == KEY_NO_VALUE || key == KEY_VALUE) {
		report(LOG_ERR, "option %s: %s; --help lists them", arg,
		    key == KEY_VALUE ? "takes no value" : "lacks its value");
		return -1;
	}
	if (key != FUSE_OPT_KEY_NONOPT && *arg == '-') {
		report(LOG_ERR, "unknown option(s): `%s'%s; --help says more",
		    arg, strncmp(arg, "--", 2) ? "" : " (options are -o NAME)");
		return -1;
	}
	if (key != FUSE_OPT_KEY_NONOPT)
		return strncmp(arg, "x-", 2) !=
		       0; /* comments for other readers of fstab */
	if (!o->store) {
		o->store = strdup(arg);
		return o->store ? 0 : -1;
	}
	if (!o->mountpoint) {
		o->mountpoint = strdup(arg);
		return o->mountpoint ? 0 : -1;
	}
	report(LOG_ERR, "one argument too many: %s; --help says more", arg);
	return -1;
}

/* Logs libfuse's messages about options, which come in pieces, without its
 * prefix. */
__attribute__((format(printf, 2, 0))) static void report_option(
    enum fuse_log_level level, const char *format, va_list args)
{
	static char line[2048];
	size_t len = strlen(line);

	/* -d: debug output of libfuse */
	if (level > FUSE_LOG_ERR) {
		vfprintf(stderr, format, args);
		return;
	}
	vsnprintf(line + len, sizeof(line) - len, format, args);
	char *end = strchr(line, '\n');
	if (!end)
		return;
	*end = '\0';
	report(LOG_ERR, "%s; --help lists the options",
	    strncmp(line, "fuse: ", 6) == 0 ? line + 6 : line);
	line[0] = '\0';
}

/* Options with a value must not have an empty one. */
static int check_values(const struct options *o)
{
	const struct {
		const char *name, *value;
	} given[] = {{"domain", o->domain}, {"master_key", o->master_key},
	    {"export_gid", o->export_group}, {"audit_gid", o->audit_group},
	    {"user", o->user}, {"crl_delay", o->crl_delay_text},
	    {"timeout", o->timeout_text}};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i].value && !*given[i].value) {
			report(LOG_ERR,
			    "option %s=: lacks its value; --help lists them",
			    given[i].name);
			return -1;
		}
	if (!o->domain || domain_legal(o->domain))
		return 0;
	report(LOG_ERR,
	    "option domain=%s: has to be a lower-case DNS name of at most %d bytes",
	    o->domain, DOMAIN_MAX_LEN);
	return -1;
}

int options_parse(struct fuse_args *args, struct options *o)
{
	fuse_set_log_func(report_option);
	return fuse_opt_parse(args, o, option_table, take_argument);
}

void options_help(void)
{
	fputs(usage, stdout);
}

/* Resolves a group's name or number. Returns 0, or -1, logged. */
static int find_group(const char *text, gid_t *out)
{
	char *end;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	*out = (gid_t)n;
	if (!text || (*text && !*end && n < (gid_t)-1))
		return 0;
	/* cppcheck-suppress getgrnamCalled; there are no threads yet */
	const struct group *group = getgrnam(text);
	if (!group) {
		report(LOG_ERR, "there is no group %s", text);
		return -1;
	}
	*out = group->gr_gid;
	return 0;
}

/* Parses a number of seconds; *out stays if there is none. Returns 0, or -1,
 * logged. */
static int parse_seconds(const char *name, const char *text, int64_t least,
    int64_t most, int64_t *out)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return 0;
	*out = strtol(text, NULL, 10);
	if (strspn(text, "0123456789") == len && len <= 4 && *out >= least &&
	    *out <= most)
		return 0;
	report(LOG_ERR,
	    "option %s=%s: has to be a number of seconds from %d to %d", name,
	    text, (int)least, (int)most);
	return -1;
}

static int find_seconds(struct options *o)
{
	o->crl_delay = STORE_CRL_DELAY;
	if (o->timeout_text && !store_is_on_server(o->store)) {
		report(LOG_ERR,
		    "option timeout: only a store on a server is waited for");
		return -1;
	}
	return parse_seconds("crl_delay", o->crl_delay_text, 0,
		   STORE_CRL_DELAY_MAX, &o->crl_delay) ||
	       parse_seconds("timeout", o->timeout_text, 1, STORE_TIMEOUT_MAX,
		   &o->timeout);
}

int options_check(struct options *o)
{
	if (check_values(o) || find_seconds(o) ||
	    find_group(o->export_group, &o->export_gid) ||
	    find_group(o->audit_group, &o->audit_gid))
		return -1;
	if (!o->user || geteuid() == 0)
		return 0;
	report(
	    LOG_ERR, "user=%s: only root can serve as somebody else", o->user);
	return -1;
}

void options_free(struct options *o)
{
	free(o->store);
	free(o->mountpoint);
	free(o->domain);
	free(o->master_key);
	free(o->export_group);
	free(o->audit_group);
	free(o->crl_delay_text);
	free(o->timeout_text);
	free(o->user);
}
