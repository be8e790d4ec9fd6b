/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

/* The command line of enrollfs. Errors are logged. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fuse_args;

/* Zero-initialize it; free with options_free. Texts are malloc'ed, or NULL. */
struct options {
	char *store, *mountpoint;
	char *domain, *master_key, *export_group, *audit_group, *user;
	char *crl_delay_text, *timeout_text;
	gid_t export_gid, audit_gid;
	int64_t crl_delay, timeout; /* seconds */
	int mountpoint_fd;	    /* the mountpoint, opened */
	char **title;		    /* argv, for the helper's process title */
	bool as_root;		    /* started as root */
	int read_only, accept_older, allow_other, noallow_other;
	int foreground, debug, help, version;
};

/* Parses the arguments, and removes ours from args; the rest is libfuse's,
 * whose messages about it are logged until fuse_set_log_func(NULL). Returns 0
 * or -1. */
int options_parse(struct fuse_args *args, struct options *o);

/* Checks the values, and sets the numbers that they stand for. Returns 0 or
 * -1. */
int options_check(struct options *o);

void options_help(void);
void options_free(struct options *o);

#endif
