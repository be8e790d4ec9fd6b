/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPS_INTERNAL_H
#define FS_OPS_INTERNAL_H

/* What the parts of the FUSE operations, ops.c and ops_dir.c, share. */
#include "fs/node.h"
#include "fs/ops.h"

struct store *ops_store(fuse_req_t req);

/* Replies with a failure: 0 or -errno. */
void ops_reply_error(fuse_req_t req, int rc);

/* What a lookup says of a node. 0 or -errno. */
int ops_entry(struct store *store, const struct node *node,
    struct fuse_entry_param *entry);

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);

#endif
