/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PATH_H
#define STORE_BASE_PATH_H

#include <stdbool.h>

/*
 * Replaces a malloc'ed path by its absolute one, without links: the daemon does
 * not stay where it was started, and one file has one name. The file itself may
 * be missing, its folder not. -1: it is not there, or a link that leads
 * nowhere; what is wrong is logged, with what it is.
 */
int path_absolute(char **path, const char *what);

/* The same of a copy that the caller frees; of NULL: NULL. -1 too if memory is
 * out. */
int path_absolute_copy(const char *path, const char *what, char **out);

/* Opens what path_absolute has said: if there is a link in it by now, -1 with
 * ELOOP. */
int path_open(const char *path, int flags);

/* Whether a path lies below a directory, by the identity of its ancestors. */
bool path_below(const char *path, const char *directory);
bool path_below_open(const char *path, int directory);

/* Has the folder that a file is in written to disk: its name is there for good.
 * 0 or -errno. */
int path_sync(const char *path);

#endif
