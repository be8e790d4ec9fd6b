/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

/* Owners and modes: part of store.h, which says what functions answer. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct store;
struct store_call;
struct store_object;

/* Whose something is. */
struct store_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;   /* permission bits */
	int64_t ctime; /* when one of these last changed; 0: not since it was
			  made */
};

/* What chmod, chown or chgrp asks for: the fields that are named, and no
 * other. */
struct store_chown {
	bool uid, gid, mode;
	struct store_owner to;
};

/* What a file follows. */
struct store_above {
	struct store_owner object,
	    root; /* the object's own directory, and the mount's root */
	struct store_owner dir; /* what store_file.dir has been given */
	bool has_dir;		/* if it has */
};

/*
 * One of an object's files, or one of its directories that follow it. An owner
 * of its own is kept under its inode number until the object goes.
 */
struct store_file {
	const char *name;
	uint64_t ino;
	uint64_t bit; /* its own one in store_object.owned */
	int64_t key; /* the key below whose directory a member's file stands, or
		      * 0; managed, it is read-only too */
	/* The directory, of those that follow, that it follows in its turn; 0:
	 * the object's. */
	uint64_t dir;
	/* The owner that it has while it has none of its own. */
	void (*follow)(const struct store_file *file,
	    const struct store_above *above, struct store_owner *out);
	const void *arg; /* for that */
};

/*
 * Whether the caller is known to be in a group. false also for unknown groups,
 * but for the caller's primary one and the one that call->group_shown names.
 */
bool store_in_group(const struct store_call *call, gid_t gid);

/*
 * What becomes of an owner by a change, in *out; 1: nothing changes. The kernel
 * has checked the caller against an owner that it may have had in its cache for
 * a minute, or for as long as a descriptor is open; this decides by the owner
 * of the moment. -EPERM: the caller is neither root nor that owner, gives the
 * file to another user, or to a group without being in it. Set-user-ID and
 * set-group-ID are cleared for anybody: the kernel does that before a
 * truncation.
 */
int store_merge_owner(struct store_call *call, const struct store_owner *now,
    const struct store_chown *change, struct store_owner *out);

/*
 * Changes owner or mode of an object's directory, as store_merge_owner says in
 * the transaction that does it. Files whose bits in store_object.owned are in
 * `unlisted` follow it from then on: whoever changes a whole tree does not see
 * them. 1: nothing has changed; -ESTALE; -EPERM.
 */
int store_chown(struct store *store, struct store_call *call,
    const struct store_object *object, uint64_t unlisted,
    const struct store_chown *change);

/* The same of one of its files; one that becomes what it would be without
 * follows again. */
int store_chown_file(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_file *file,
    const struct store_chown *change);

/* Whether this is the superuser or the owner of the mount's root. */
bool store_is_root_owner(struct store *store, uid_t uid);

/* Whether the caller owns a group, or has a group's gid where that may write to
 * it. */
bool store_owns_group(struct store *store, const struct store_call *call);

/* What store_chown_file has stored. -ENOENT: nothing. */
int store_file_owner(
    struct store *store, uint64_t file, struct store_owner *out);

#endif
