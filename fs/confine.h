/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

#include <limits.h>

/*
 * Drops, for this process and its future threads, all privileges that serving
 * does not need: executing programs, gaining privileges by one (no_new_privs),
 * tracing and signalling processes, mounting, the network, executable memory,
 * and all files except the store's directory and those that libraries read.
 * Must be called before there are threads. Returns 0, or -errno, logged.
 */
int confine(const char *store);

/* The same for a store on a server: these files can be read, instead of a
 * directory that can be changed, and the network stays: TCP to these ports,
 * from Linux 6.7 on. */
enum { CONFINE_NEEDED = 16 };
struct confine_needed {
	int n, ports;
	char file[CONFINE_NEEDED][PATH_MAX];
	int port[CONFINE_NEEDED];
};
int confine_to_server(const struct confine_needed *needed);

#endif
