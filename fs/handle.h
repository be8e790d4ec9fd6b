/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

/*
 * An open file: the content as it was at open, or what was written since. A
 * conversation is one too. Functions answer 0 or -errno and log refusals. One
 * handle may be used by several threads at once.
 */
#include <sys/types.h>

#include "fs/conversation.h"
#include "fs/node.h"

struct handle;

/*
 * Opens; flags as in open(2). -EACCES: written, but nobody can; the refusals of
 * a copy; -ENOSPC: as in quota_take.
 */
int handle_open(struct fs_request *rq, const struct node *node, int flags,
    struct handle **out);

/* Appends what is to be read at this place: as a copy, since with the reply the
 * handle may go. */
int handle_read(struct handle *handle, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

/*
 * The same for a page in the kernel's cache, which all opens of the file share:
 * what the file says now, else a newer open could find there what an older one
 * was opened with. What is copied at an open (the key) stays as it was.
 */
int handle_read_page(struct handle *handle, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

/*
 * Takes, checks and stores all of it or nothing; at AT_END: behind what this
 * open has written. -EINVAL: behind a hole; -EFBIG; the value's.
 */
int handle_write(struct handle *handle, struct fs_request *rq, const void *data,
    size_t size, off_t offset);

/*
 * Truncated to nothing: what this open writes is a value or request from its
 * beginning again. What has been carried out stays so.
 */
void handle_truncate(struct handle *handle);

/* At a close of one descriptor: -EINVAL if an incomplete request can no longer
 * be completed. */
int handle_flush(struct handle *handle);

/*
 * What this process reads of an inode, if it has it open for reading, was fixed
 * by the open, and fstat(2) has to say the same: the length, and until it has
 * read something the time. false: it has not, or all of that is so already.
 */
bool handle_stat(uint64_t ino, pid_t pid, struct stat *st);

/*
 * Closes. -EINVAL: an incomplete request was in it; the request is then that of
 * who wrote it.
 */
int handle_close(struct handle *handle, struct fs_request *rq);

/* At the end, when no request is being served any more: one that is still open,
 * or NULL. */
struct handle *handle_any(void);

#endif
