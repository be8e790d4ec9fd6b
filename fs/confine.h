/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

/*
 * Drops, for this process and its future threads, all privileges that serving
 * does not need: executing programs, gaining privileges by one (no_new_privs),
 * tracing and signalling processes, mounting, the network, executable memory,
 * and all files except the store's directory and those that libraries read.
 * Must be called before there are threads. Returns 0, or -errno, logged.
 */
int confine(const char *store);

#endif
