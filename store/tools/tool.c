/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tools/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/path.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/store.h"

struct given {
	const char *store, *key;
	const char *own[TOOL_OPTIONS];
	bool help, version;
};

/* Those of the tool's own are told by their place behind this. */
enum { OWN = 256 };

bool tool_is_hash(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int take_own(
    const struct tool *tool, int i, const char *value, struct given *given)
{
	given->own[i] = tool->own[i].alone ? "" : value;
	if (tool->own[i].alone ||
	    (*value && (!tool->own[i].legal || tool->own[i].legal(value))))
		return 0;
	report(LOG_ERR, "--%s=%s: has to be %s", tool->own[i].name, value,
	    tool->own[i].form ? tool->own[i].form : "something");
	return -1;
}

/* What getopt_long stumbled over. */
static int refuse(int c, const char *text)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	bool is_long = strncmp(text, "--", 2) == 0;

	report(LOG_ERR, "option %s: %s", is_long ? text : letter,
	    c == ':'		? "lacks its value"
	    : is_long && optopt ? "takes no value"
				: "unknown; --help lists them");
	return -1;
}

static int take(
    const struct tool *tool, int c, const char *text, struct given *given)
{
	if (c == 'K' && *optarg)
		given->key = optarg;
	else if (c >= OWN)
		return take_own(tool, c - OWN, optarg, given);
	else if (c == 'h')
		given->help = true;
	else if (c == 'V')
		given->version = true;
	else if (c == '?' || c == ':' || c == 'K')
		return refuse(c == 'K' ? ':' : c, text);
	return 0;
}

static int take_store(int argc, char **argv, struct given *given)
{
	if (given->help || given->version)
		return 0;
	if (optind == argc)
		report(LOG_ERR, "STORE is missing; --help says more");
	else if (optind < argc - 1)
		report(LOG_ERR, "one argument too many: %s", argv[optind + 1]);
	else
		given->store = argv[optind];
	return given->store ? 0 : -1;
}

static int parse(
    const struct tool *tool, int argc, char **argv, struct given *given)
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
		    tool->own[i].alone ? no_argument : required_argument, NULL,
		    OWN + i};
	snprintf(letters, sizeof(letters), ":hV%s", tool->ignored);
	opterr = 0; /* what is wrong is told here */
	for (int at = 1;
	     !rc && (c = getopt_long(argc, argv, letters, names, NULL)) != -1;
	     at = optind)
		rc = take(tool, c, argv[c == '?' || c == ':' ? optind - 1 : at],
		    given);
	return rc ? rc : take_store(argc, argv, given);
}

static int run(const struct tool *tool, const struct given *given)
{
	struct tool_arguments arguments = {0};
	int rc = tool->failed;

	memcpy(arguments.own, given->own, sizeof(arguments.own));
	arguments.store = strdup(given->store);
	if (arguments.store && !store_locate(&arguments.store) &&
	    !path_absolute_copy(given->key, "master key", &arguments.master_key))
		rc = tool->run(&arguments);
	free(arguments.store);
	free(arguments.master_key);
	return rc;
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	struct given given = {0};

	process_protect();
	store_start();
	if (parse(tool, argc, argv, &given))
		return tool->bad_usage;
	if (given.help)
		fputs(tool->usage, stdout);
	else if (given.version)
		printf("%s " ENROLLFS_VERSION "\n", tool->name);
	else
		return run(tool, &given);
	return 0;
}
