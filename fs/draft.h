/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_DRAFT_H
#define FS_DRAFT_H

/*
 * Drafts: temporary files that editors, sed -i, rsync and configuration
 * management make beside a file to rename over it, and backups (draft_name.h).
 * They are in memory, not listed, and go when they are unlinked or renamed over
 * a file, or DRAFT_SECONDS after the last close. A private key may be in one,
 * so others never get permissions. Functions return 0 or -errno; all that take
 * an id, also -ESTALE: the draft is gone.
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
	DRAFT_BYTES_PER_USER = 8 << 20,
	DRAFT_BYTES_MAX = 16 << 20,
};

/*
 * Makes a draft in a directory (an inode number): a file or an empty directory,
 * with the type, mode, owner and times of st. Returns 0, or -EEXIST,
 * -ENAMETOOLONG, -ENOSPC (too many), -ENOMEM.
 */
int draft_create(
    uint64_t dir, const char *name, const struct stat *owner, uint64_t *id);

/* Finds a draft by name. Returns 0, or -ENOENT. */
int draft_find(uint64_t dir, const char *name, uint64_t *id, bool *directory);

/* The inode number of its directory; 0: it is gone. */
uint64_t draft_parent(uint64_t id);

/* Fills in all but st_ino and st_blocks. */
int draft_stat(uint64_t id, struct stat *st);

/* Changes attributes. Returns 0, or -EFBIG, -ENOSPC, -EPERM (see
 * store_merge_owner). */
struct draft_change {
	const struct store_chown *owner; /* NULL: no change of owner and mode */
	bool resize, mtime;
	off_t size; /* truncated, or extended with zeros */
	struct timespec at;
};
int draft_change(
    struct store_call *call, uint64_t id, const struct draft_change *change);

/* Counts as an open by its maker, and keeps others from opening it. */
int draft_reserve(uint64_t id);

/* Opens; truncate: to nothing. Returns 0, or -EEXIST (it is reserved). */
int draft_open(uint64_t id, bool truncate);
void draft_close(uint64_t id);

int draft_read(uint64_t id, off_t offset, size_t size, struct bytes *out);
/* Writes at an offset, or at the end if that is negative. Returns 0, or -EFBIG,
 * -ENOSPC (too much memory). */
int draft_write(uint64_t id, const void *data, size_t size, off_t offset);

/* Renames in its directory, replacing a draft of that name. */
int draft_rename(uint64_t id, const char *name);

/* Frees drafts whose time is over, as all functions above do. Returns whether
 * there were any. */
bool draft_tidy(void);

/* Wipes all drafts. For the end. */
void draft_end_all(void);

/* Removes its name; it is freed with the last close. */
void draft_unlink(uint64_t id);

/* The same for all numbered backups (draft_name.h) in a directory. */
void draft_unlink_numbered(uint64_t dir);

#endif
