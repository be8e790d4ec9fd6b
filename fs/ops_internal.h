/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPS_INTERNAL_H
#define FS_OPS_INTERNAL_H

/* What the parts of the FUSE operations, ops.c and ops_dir.c, share. */
#include "fs/node.h"
#include "fs/ops.h"

/* Makes the request of our own for one of FUSE's. */
struct fs_request ops_request(fuse_req_t req);

/*
 * Replies with an outcome, 0 or -errno; the one place where refusals are
 * logged.
 */
void ops_reply(fuse_req_t req, struct fs_request *rq, int rc);

/* What a lookup says of a node. 0 or -errno. */
int ops_entry(struct store *store, const struct node *node,
    struct fuse_entry_param *entry);

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);

#endif
