/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TOOLS_TOOL_H
#define STORE_TOOLS_TOOL_H

/* What mkfs and fsck have in common: options, paths, exit. */
#include <stdbool.h>

struct tool_arguments {
	char *store, *master_key; /* absolute; the key NULL unless given */
	const char *own;	  /* the value of the tool's own option, or NULL */
};

struct tool {
	const char *name, *usage;
	const char *ignored;		      /* short options that change nothing */
	const char *own;		      /* its own long option, which has a value */
	bool (*own_legal)(const char *value); /* NULL: all are */
	int failed, bad_usage;		      /* exit statuses; 0 for the rest */
	int (*run)(const struct tool_arguments *arguments);
};

/* Does all of it; answers the exit status. */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
