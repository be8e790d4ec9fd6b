/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tools/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/path.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/base/user.h"
#include "store/store.h"

struct options {
	const char *store, *key, *file;
	const char *own[TOOL_OPTIONS];
	bool help, version;
};

/* getopt_long returns OWN plus the index for the tool's own options. */
enum { OWN = 256 };

int tool_find_owner(const char *store, struct user *owner)
{
	if (store_is_on_server(store))
		return user_named(NULL, owner);
	int rc = user_of(store, owner);
	if (rc)
		report(LOG_ERR, "store %s: %s", store, strerror(-rc));
	return rc;
}

bool tool_is_hash(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Of a store on a server, it is the daemon's user. */
static int find_owner(const char *store, struct user *owner)
{
	if (store_is_on_server(store))
		return user_named(NULL, owner);
	int rc = user_of(store, owner);
	if (rc)
		report(LOG_ERR, "store %s: %s", store, strerror(-rc));
	return rc;
}

int tool_become_owner(const char *store)
{
	struct user owner;

	if (geteuid() != 0)
		return 0;
	int rc = find_owner(store, &owner);
	return rc ? rc : user_become(&owner);
}

static int set_own_option(
    const struct tool *tool, int i, const char *value, struct options *options)
{
	options->own[i] = tool->own[i].no_value ? "" : value;
	if (tool->own[i].no_value ||
	    (*value && (!tool->own[i].legal || tool->own[i].legal(value))))
		return 0;
	report(LOG_ERR, "--%s=%s: has to be %s", tool->own[i].name, value,
	    tool->own[i].form ? tool->own[i].form : "something");
	return -1;
}

/* Logs an error of getopt_long. */
static int report_bad_option(int c, const char *text)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	bool is_long = strncmp(text, "--", 2) == 0;

	report(LOG_ERR, "option %s: %s; --help lists them",
	    is_long ? text : letter,
	    c == ':'		? "lacks its value"
	    : is_long && optopt ? "takes no value"
				: "unknown");
	return -1;
}

static int set_option(
    const struct tool *tool, int c, const char *text, struct options *options)
{
	if (c == 'K' && *optarg)
		options->key = optarg;
	else if (c >= OWN)
		return set_own_option(tool, c - OWN, optarg, options);
	else if (c == 'h')
		options->help = true;
	else if (c == 'V')
		options->version = true;
	else if (c == '?' || c == ':' || c == 'K')
		return report_bad_option(c == 'K' ? ':' : c, text);
	return 0;
}

static int set_arguments(
    const struct tool *tool, int argc, char **argv, struct options *options)
{
	int wanted = tool->file ? 2 : 1, given = argc - optind;

	if (options->help || options->version)
		return 0;
	if (given < wanted)
		report(LOG_ERR, "%s is missing; --help says more",
		    given ? tool->file : "STORE");
	else if (given > wanted)
		report(LOG_ERR, "one argument too many: %s; --help says more",
		    argv[optind + wanted]);
	if (given != wanted)
		return -1;
	options->store = argv[optind];
	options->file = tool->file ? argv[optind + 1] : NULL;
	return 0;
}

static int parse(
    const struct tool *tool, int argc, char **argv, struct options *options)
{
	struct option names[TOOL_OPTIONS + 4] = {
	    {"master-key", required_argument, NULL, 'K'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	};
	char letters[16];
	int c, rc = 0;

	for (int i = 0; i < TOOL_OPTIONS && tool->own[i].name; i++)
		names[3 + i] = (struct option){tool->own[i].name,
		    tool->own[i].no_value ? no_argument : required_argument,
		    NULL, OWN + i};
	snprintf(letters, sizeof(letters), ":hV%s", tool->ignored);
	opterr = 0; /* errors are logged here */
	for (int at = 1;
	     !rc && (c = getopt_long(argc, argv, letters, names, NULL)) != -1;
	     at = optind)
		rc = set_option(tool, c,
		    argv[c == '?' || c == ':' ? optind - 1 : at], options);
	return rc ? rc : set_arguments(tool, argc, argv, options);
}

static int run(const struct tool *tool, const struct options *options)
{
	struct tool_arguments arguments = {0};
	int rc = tool->failed;

	memcpy(arguments.own, options->own, sizeof(arguments.own));
	arguments.store = strdup(options->store);
	if (arguments.store && !store_locate(&arguments.store) &&
	    !path_absolute_copy(
		options->key, "master key", &arguments.master_key) &&
	    !path_absolute_copy(options->file, tool->file, &arguments.file))
		rc = tool->run(&arguments);
	free(arguments.store);
	free(arguments.master_key);
	free(arguments.file);
	return rc;
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	struct options options = {0};

	process_protect();
	store_start();
	if (parse(tool, argc, argv, &options))
		return tool->bad_usage;
	if (options.help)
		fputs(tool->usage, stdout);
	else if (options.version)
		printf("%s " ENROLLFS_VERSION "\n", tool->name);
	else
		return run(tool, &options);
	return 0;
}
