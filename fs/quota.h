/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_QUOTA_H
#define FS_QUOTA_H

/*
 * Limits on open files, per user and for all users together. Part of each limit
 * is reserved for the users that run the service, so that no number of others
 * can use it up.
 */
#include "fs/request.h"

enum quota {
	QUOTA_CONVERSATIONS, /* without an answer */
	QUOTA_FILES,
	QUOTA_BYTES, /* of memory for files and conversations */
	QUOTAS
};

/*
 * _PER_USER: of one user. _ANYBODY: of all users. _OWNERS: with the reserve for
 * users that own a group or that the file's owner or mode admits. _MAX: with
 * the reserve for root and the owner of the mount's root; for files and bytes,
 * these have no limit.
 */
enum {
	CONVERSATIONS_PER_USER = 64,
	CONVERSATIONS_MAX = 1024,
	CONVERSATIONS_OWNERS = 896,
	CONVERSATIONS_ANYBODY = 768,
	FILES_PER_USER = 4096,
	FILES_OWNERS = 16384,
	FILES_ANYBODY = 12288,
	BYTES_PER_USER = 8 << 20,
	BYTES_OWNERS = 32 << 20,
	BYTES_ANYBODY = 24 << 20,
};

/*
 * Takes n for the caller. permitted: the kernel admitted the caller by owner or
 * group, since others have no permission. Returns 0, or -ENOSPC (the user, or
 * all users together, have too many; the request is then a stranger's),
 * -ENOMEM.
 */
int quota_take(enum quota what, struct fs_request *rq, long n, bool permitted);

/* Adds n, which may be negative, to what the user has taken, without a limit.
 * No effect for a user that has taken nothing. */
void quota_add(enum quota what, uid_t uid, long n);

#endif
