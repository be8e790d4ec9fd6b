/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PATH_H
#define STORE_BASE_PATH_H

#include <stdbool.h>

/*
 * Replaces a malloc'ed path with its absolute path without symbolic links: the
 * daemon changes its working directory, and a file must have one name. The file
 * itself need not exist. As root, only symbolic links that root owns are
 * followed.
 *
 * Returns 0, or -1 (its directory does not exist, a link is dangling or not
 * followed, there are more than 40, or no memory) with *path unchanged. Logs
 * the error; `what` names the file in the message.
 */
int path_absolute(char **path, const char *what);

/* Likewise for a copy in *out, which the caller frees, also after -1. A path of
 * NULL gives NULL and 0. */
int path_absolute_copy(const char *path, const char *what, char **out);

/*
 * open(2) with O_CLOEXEC for a path from path_absolute: fails with ELOOP if any
 * part of it has become a symbolic link. Without openat2(2) (before Linux 5.6,
 * or forbidden by a seccomp filter) only the last part is checked. Returns a
 * descriptor, or -1 with errno.
 */
int path_open(const char *path, int flags);

/*
 * Whether an absolute path is below a directory: one of its ancestors, not the
 * path itself, has the directory's device and inode. False if the directory
 * cannot be opened.
 */
bool path_below(const char *path, const char *directory);
bool path_below_open(const char *path, int directory);

/* Makes a file's directory entry durable: fsync(2) of its directory. Returns 0
 * or -errno. */
int path_sync(const char *path);

/* The same for all files of a directory, named as for openat(2). */
int path_sync_directory(int dir, const char *name);

#endif
