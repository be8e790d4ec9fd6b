/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_DRAFT_H
#define FS_DRAFT_H

/*
 * Drafts: what editors, sed -i, rsync and configuration management make beside
 * a file to rename it over (draft_name.h). They live in memory, are in no
 * listing, and go when they are unlinked, renamed over a file, or a minute
 * after their last close. A private key may be in one: whatever mode is asked
 * for, others have none of it. Functions answer 0 or -errno; -ESTALE: the draft
 * is gone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/store.h"

enum {
	DRAFT_MAX = 65536, /* bytes in one */
	DRAFTS_PER_DIRECTORY = 64,
	DRAFTS_PER_USER = 256,
	DRAFTS_MAX = 1024,
	DRAFT_SECONDS = 60,
};

/* Makes one in a directory (by its inode number), a file or an empty directory
 * as st_mode of owner says. -EEXIST; -ENOSPC: too many. */
int draft_create(
    uint64_t dir, const char *name, const struct stat *owner, uint64_t *id);

/* The one of this name, and whether it is a directory. -ENOENT. */
int draft_find(uint64_t dir, const char *name, uint64_t *id, bool *directory);

/* The inode number of the directory that it is in; 0: it is gone. */
uint64_t draft_parent(uint64_t id);

/* Its size, owner, mode and times; st_ino is left to the caller. */
int draft_stat(uint64_t id, struct stat *st);

/* Changes what is asked for. -EFBIG; -EPERM as store_merge_owner. */
struct draft_change {
	const struct store_chown *owner; /* NULL: neither owner nor mode */
	bool resize, mtime;
	off_t size; /* it is cut or filled up to that */
	struct timespec at;
};
int draft_change(
    struct store_call *call, uint64_t id, const struct draft_change *change);

/* Nobody else can open it; like an open for who has made it. */
int draft_reserve(uint64_t id);

/* -EEXIST: it is reserved. truncate: it is emptied. */
int draft_open(uint64_t id, bool truncate);
void draft_close(uint64_t id);

int draft_read(uint64_t id, off_t offset, size_t size, struct bytes *out);
/* At offset, or, if that is negative, at its end. -EFBIG. */
int draft_write(uint64_t id, const void *data, size_t size, off_t offset);

/* Another name in its directory, replacing a draft that has it. */
int draft_rename(uint64_t id, const char *name);

/* At the end: wipes all that are left. */
void draft_end_all(void);

/* No name any more; gone when it is closed. */
void draft_unlink(uint64_t id);

#endif
