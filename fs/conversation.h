/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_CONVERSATION_H
#define FS_CONVERSATION_H

/*
 * One request through one open file: it is collected, carried out in the write
 * that completes it, and its reply, or the reason of its refusal, is read back.
 * Not locked: its handle is.
 */
#include <sys/types.h>

#include "fs/request.h"
#include "fs/tree.h"

/* As an offset of a write: behind what has been written (O_APPEND). */
enum { AT_END = -1 };

struct conversation;

/*
 * With a file that takes requests, of this row, which lives as long. member:
 * the name of what is being dropped, or NULL. -ENOSPC: as in quota_take.
 */
int conversation_begin(struct fs_request *rq, const struct attr *attr,
    const union store_any *row, const char *member, struct conversation **out);

/* Takes a part of the request; carries it out if that completes it. */
int conversation_write(struct conversation *talk, struct fs_request *rq,
    const void *data, size_t size, off_t offset);

/* Forgets what has been collected, unless it was carried out: the next write
 * begins a request. */
void conversation_truncate(struct conversation *talk);

/* Appends a part of the reply (-EINVAL: the request is incomplete), which
 * begins where the first read does: behind what was written. */
int conversation_read(struct conversation *talk, struct fs_request *rq,
    off_t offset, size_t size, struct bytes *out);

/*
 * At a close: if it has had its answer, its place is given to others. The
 * kernel tells the end of an open file some time after close(2) has returned,
 * and who comes again meanwhile would be refused.
 */
void conversation_leave(struct conversation *talk);

/* How much memory it takes. */
size_t conversation_held(const struct conversation *talk);

/* Whether it has had its answer. */
bool conversation_over(const struct conversation *talk);

/* Whether something was written that is no whole request. */
bool conversation_incomplete(const struct conversation *talk);

/* -EINVAL: the request was incomplete; rq is then that of its last write. */
int conversation_end(struct conversation *talk, struct fs_request *rq);

#endif
