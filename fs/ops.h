/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>

#include <stdatomic.h>

#include "store/store.h"

/* The user data of the FUSE session. */
struct mount {
	struct store *store;
	struct fuse_session *session;
	atomic_bool serving;	 /* from the first request to the last */
	atomic_bool forgettable; /* the kernel can forget names */
	void (*served)(
	    struct mount *mount); /* called once, when the mount answers */
	int ready; /* a pipe for served, to the process that waits for it; -1:
		      none */
};

/* For store_options.enrolled: invalidates the cached listings of the group.
 * arg: the struct mount. */
void ops_enrolled(int64_t group, void *arg);

/* For store_options.expired: has the kernel look for the member again. arg: the
 * struct mount. */
void ops_expired(int64_t member, void *arg);

/* For store_options.member_changed: invalidates what the kernel has cached of
 * the member. arg: the struct mount. */
void ops_member_changed(int64_t member, void *arg);

/* The FUSE operations. Each resolves inode numbers, calls node.h or file.h, and
 * replies exactly once. */
extern const struct fuse_lowlevel_ops fs_ops;

#endif
