/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

/*
 * Takes from this process, and from all threads and processes that it will
 * begin, what serving does not need: to begin a program, to gain rights by one
 * (no_new_privs), to trace or signal others, to mount, to speak to a network,
 * to make memory executable, and every file but those in the store's directory
 * and what libraries read. To be called before there are threads. 0 or -errno,
 * logged.
 */
int confine(const char *store);

#endif
