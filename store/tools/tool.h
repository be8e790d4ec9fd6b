/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TOOLS_TOOL_H
#define STORE_TOOLS_TOOL_H

/* What the tools beside the daemon have in common. */
#include <stdbool.h>

#include "store/base/user.h"

enum { TOOL_OPTIONS = 6 };

struct tool_arguments {
	/* absolute paths; key NULL if not given, file NULL if not wanted */
	char *store, *master_key, *file;
	/* values of the tool's own options; NULL if not given, "" for a given
	 * option without value */
	const char *own[TOOL_OPTIONS];
};

struct tool {
	const char *name, *usage;
	const char *ignored; /* letters of short options without effect */
	struct {
		const char *name; /* long option; NULL: end of the table */
		bool no_value;
		bool (*legal)(const char *value); /* NULL: any but "" */
		const char *form; /* legal values, for the error message */
	} own[TOOL_OPTIONS];
	const char *file; /* name of a second argument, a file, in messages; or
			     NULL */
	int failed, bad_usage; /* exit statuses */
	/* Returns the exit status. */
	int (*run)(const struct tool_arguments *arguments);
};

/* The user that a tool of root becomes for an existing store: its owner, or,
 * of a store on a server, the daemon's user. Returns 0 or -errno, logged. */
int tool_find_owner(const char *store, struct user *owner);

/* For `legal`: 64 lower-case hex digits, as in log.head. */
bool tool_is_hash(const char *text);

/*
 * As root, becomes the owner of the store, or of one on a server the daemon's
 * user: the daemon could not use files that root makes, and root must not trust
 * files of the daemon. Returns 0 or -errno, logged.
 */
int tool_become_owner(const char *store);

/* Parses the command line and runs the tool. --help and --version print to
 * stdout. Errors are logged. Returns the exit status. */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
