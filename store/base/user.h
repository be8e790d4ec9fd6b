/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_USER_H
#define STORE_BASE_USER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * User and privileges of a daemon that is started as root. The store belongs to
 * its user. A directory that does not belong to root can change at any time, so
 * root follows no symbolic link in it and writes no file in it.
 */

#define USER_DEFAULT "enrollfs"

struct user {
	uid_t uid;
	gid_t gid;
};

/* Looks up a user by name or number. Returns 0, or -ENOENT (no such user). */
int user_find(const char *name, struct user *out);

/* The same of a requested user, or USER_DEFAULT with NULL; logged. */
int user_named(const char *name, struct user *out);

/* The owner of a file, directory or link, with that user's primary group, not
 * the file's. Returns 0 or -errno. */
int user_of(const char *path, struct user *out);

/*
 * As root: chooses the user of a store, an absolute path without links that
 * need not exist yet; suffixes are those of its files, NULL at the end (see
 * store_files). name is the requested user. With NULL it is USER_DEFAULT;
 * if that is missing or has no access, the owner of the store's directory.
 *
 * If the user lacks access to a directory that root owns, the directory and the
 * store's files in it are chowned to the user, provided that it has no other
 * use. It has one if others may write to it, if it is another user's home, or
 * if it holds anything but the store and empty directories. In a directory made
 * below a sticky one (/tmp), files are ignored.
 *
 * Logs the reason of a failure. Returns 0, -ENOENT (no such user), -EACCES (the
 * user has no access), or -errno (the directory cannot be opened). Forks: call
 * it before any thread exists.
 */
int user_choose(const char *name, const char *store,
    const char *const *suffixes, struct user *out);

/*
 * Drops privileges to a user for good: no capabilities, no supplementary group
 * except the one of process_hidepid_group if the user is a member. Returns 0 or
 * -EPERM, logged.
 */
int user_become(const struct user *user);

/*
 * Likewise, but keeps CAP_DAC_READ_SEARCH, for a copy that only root may read.
 * Without that capability it logs a notice and acts as user_become.
 */
int user_become_reader(const struct user *user);

/* As root: drops all capabilities but CAP_SYS_ADMIN, for umount2(2), and
 * CAP_DAC_READ_SEARCH, to reach the mountpoint. Returns 0 or -EPERM. */
int user_keep_mounting(void);

#endif
