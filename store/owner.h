/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

/* Owners and modes of directories and files. Returns and errors as in
 * store.h. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct store;
struct store_call;
struct store_object;

/* Owner, group and mode. */
struct store_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;   /* permission bits */
	int64_t ctime; /* when one of these last changed; 0: never */
};

/* A change by chmod, chown or chgrp: of the fields that are set to true. */
struct store_chown {
	bool uid, gid, mode;
	struct store_owner to;
};

/* The owners that a file may follow. */
struct store_above {
	struct store_owner object,
	    root;		/* the object's directory, the mount's root */
	struct store_owner dir; /* owner of store_file.dir */
	bool has_dir;		/* if it has one of its own */
};

/* A file of an object, or a directory in it that follows the object's. An owner
 * of its own is stored by inode number until the object is deleted. */
struct store_file {
	const char *name;
	uint64_t ino;
	uint64_t bit; /* its bit in store_object.owned */
	int64_t key;  /* id of the key in whose directory a member's file is, or
			 0: while the key is managed, the file is read-only */
	/* The inode number of the directory that it follows; 0: the
	 * object's. */
	uint64_t dir;
	/* Computes the owner that it has without one of its own. */
	void (*follow)(const struct store_file *file,
	    const struct store_above *above, struct store_owner *out);
	const void *arg; /* for follow */
};

/* Whether the caller is known to be in a group: with unknown supplementary
 * groups, only its primary group and the one of call->group_shown. */
bool store_in_group(const struct store_call *call, gid_t gid);

/*
 * Applies a change to an owner, and checks the caller's right to it: the kernel
 * has checked against an owner that may be a minute old, or as old as an open
 * file. Anyone may clear set-user-ID and set-group-ID: the kernel does so
 * before a truncation. Returns 0, 1 (nothing changes) or -EPERM (the caller is
 * neither root nor the present owner; or, as owner, it changes the user, or the
 * group to one that it is known not to be in).
 */
int store_merge_owner(struct store_call *call, const struct store_owner *now,
    const struct store_chown *change, struct store_owner *out);

/*
 * Changes owner or mode of an object's directory, checked by store_merge_owner
 * in the same transaction. Files whose bits are in `unlisted` follow the
 * directory again: chmod -R does not see them. Returns 0, 1 (nothing changes),
 * -ESTALE or -EPERM (also: managed).
 */
int store_chown(struct store *store, struct store_call *call,
    const struct store_object *object, uint64_t unlisted,
    const struct store_chown *change);

/* Changes owner or mode of one of its files. A file that gets the owner that it
 * would follow follows again. Returns as store_chown. */
int store_chown_file(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_file *file,
    const struct store_chown *change);

/* Whether uid is root or owns the mount's root. */
bool store_is_root_owner(struct store *store, uid_t uid);

/* Whether the caller owns a group, or its gid is that of a group with group
 * write permission. */
bool store_owns_group(struct store *store, const struct store_call *call);

/* Gets a file's own owner, by its inode number. Returns 0 or -ENOENT (it has
 * none). */
int store_file_owner(
    struct store *store, uint64_t file, struct store_owner *out);

#endif
