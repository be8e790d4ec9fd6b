/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>

#include "store/store.h"

/* What the operations get as their session's user data. */
struct mount {
	struct store *store;
	struct fuse_session *session;
	void (*served)(struct mount
		*mount); /* called once, when the kernel is being served */
	int ready; /* for served: who waits for it reads here; -1: nobody */
};

/* For store_options: something has enrolled in this group. arg: the mount. */
void ops_enrolled(int64_t group, void *arg);

/* The FUSE operations: each decodes, asks node.h or file.h, and replies
 * exactly once. */
extern const struct fuse_lowlevel_ops fs_ops;

#endif
