/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TOOLS_TOOL_H
#define STORE_TOOLS_TOOL_H

/* What mkfs and fsck have in common: options, paths, exit. */
#include <stdbool.h>

enum { TOOL_OPTIONS = 6 };

struct tool_arguments {
	char *store, *master_key; /* absolute; the key NULL unless given */
	/* of the tool's own options: the value, or NULL; something if one
	 * without a value is given */
	const char *own[TOOL_OPTIONS];
};

struct tool {
	const char *name, *usage;
	const char *ignored; /* short options that change nothing */
	struct {
		const char *name; /* a long one; NULL: no more of them */
		bool alone;	  /* has no value */
		bool (*legal)(const char *value); /* NULL: all are */
		const char *form;		  /* what is legal, in words */
	} own[TOOL_OPTIONS];
	int failed, bad_usage; /* exit statuses; 0 for the rest */
	int (*run)(const struct tool_arguments *arguments);
};

/* For `legal`: 64 hex digits, as log.head has them. */
bool tool_is_hash(const char *text);

/* Does all of it; answers the exit status. */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
