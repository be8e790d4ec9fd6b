/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_QUOTA_H
#define FS_QUOTA_H

/*
 * What open files use up, counted by user: nobody takes all of it, and of each
 * a part is kept for those who run the service, however many users have taken
 * the rest.
 */
#include "fs/request.h"

enum quota {
	QUOTA_CONVERSATIONS, /* that have had no answer yet, or are not closed */
	QUOTA_FILES,
	QUOTA_BYTES, /* of memory for both */
	QUOTAS
};

/*
 * Per user, and of all users together: anybody's; with the reserve for who owns
 * a group or was let in by its owner or mode; with the reserve for root and the
 * owner of the mount's root. Root alone has as many files as there is memory.
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
 * Takes n. permitted: the kernel has let the caller in by owner or group, where
 * others have no permission. -ENOSPC: the user has too many, or all users
 * together have, logged as a stranger's; -ENOMEM.
 */
int quota_take(enum quota what, struct fs_request *rq, long n, bool permitted);

/* Corrects by n what the user has taken, where that is more than nothing;
 * refuses nothing. */
void quota_add(enum quota what, uid_t uid, long n);

#endif
