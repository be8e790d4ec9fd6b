/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tools/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/path.h"
#include "store/base/process.h"

struct given {
	const char *store, *key, *own;
	bool help, version;
};

static int parse(const struct tool *tool, int argc, char **argv, struct given *given)
{
	const struct option names[] = {
		{"master-key", required_argument, NULL, 'K'},
		{tool->own, required_argument, NULL, 'O'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	char letters[16];
	int c;

	snprintf(letters, sizeof(letters), "hV%s", tool->ignored);
	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1)
		if (c == 'K')
			given->key = optarg;
		else if (c == 'O')
			given->own = optarg;
		else if (c == 'h')
			given->help = true;
		else if (c == 'V')
			given->version = true;
		else if (c == '?')
			return -1;
	if (given->own && tool->own_legal && !tool->own_legal(given->own))
		return -1;
	if (optind == argc - 1)
		given->store = argv[optind];
	return given->help || given->version || given->store ? 0 : -1;
}

static int run(const struct tool *tool, const struct given *given)
{
	struct tool_arguments arguments = {.own = given->own};
	int rc = tool->failed;

	if (!path_absolute_copy(given->store, "store", &arguments.store) &&
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
	if (parse(tool, argc, argv, &given)) {
		fputs(tool->usage, stderr);
		return tool->bad_usage;
	}
	if (given.help)
		fputs(tool->usage, stdout);
	else if (given.version)
		printf("%s " ENROLLFS_VERSION "\n", tool->name);
	else
		return run(tool, &given);
	return 0;
}
