/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_USER_H
#define STORE_BASE_USER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The user that a daemon started as root serves as, and whose its store is.
 * While a store's directory belongs to anybody else than root, he can put
 * anything there at any time: root follows no link in it and writes no file of
 * it.
 */

#define USER_DEFAULT "enrollfs"

struct user {
	uid_t uid;
	gid_t gid;
};

/* A user's name or number. -ENOENT: there is none. */
int user_find(const char *name, struct user *out);

/* Whose a file or directory is. 0 or -errno. */
int user_of(const char *path, struct user *out);

/*
 * As root: chooses who serves a store (a path without links; it need not exist
 * yet). name: who was asked for; NULL for USER_DEFAULT, or, if that cannot be,
 * whom the store's directory belongs to. A directory of root's is given to him
 * with the store's files in it, unless it serves other ends: others may write
 * to it, it is somebody else's home, or there is anything else in it but empty
 * folders (in one that was made in /tmp: a folder with something in it). What
 * stands against a user is logged. -ENOENT: no such user; -EACCES: he cannot
 * use the store.
 */
int user_choose(const char *name, const char *store, struct user *out);

/*
 * Becomes a user for good, without capabilities and with no group but its own;
 * where /proc hides processes, also the one that sees them, if the user is a
 * member. 0 or -errno, logged.
 */
int user_become(const struct user *user);

/*
 * The same, but still able to read every file: for a copy that only root can
 * read. Without CAP_DAC_READ_SEARCH this is user_become, and a notice says so.
 */
int user_become_reader(const struct user *user);

/* As root: keeps the capabilities for mount(2) and to find a mountpoint, and no
 * other. */
int user_keep_mounting(void);

#endif
