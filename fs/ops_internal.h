/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_OPS_INTERNAL_H
#define FS_OPS_INTERNAL_H

/* Shared by ops*.c. */
#include "fs/file.h"
#include "fs/node.h"
#include "fs/ops.h"

enum { GROUPS = 256 };

/* Makes our own request of FUSE's. */
struct fs_request ops_request(fuse_req_t req);

/*
 * With the caller's groups, where the kernel checks the directory's mode only
 * and we check the file's. Groups beyond the limit do not count.
 */
struct fs_request ops_request_with_groups(fuse_req_t req, gid_t groups[GROUPS]);

/* Replies with an outcome, 0 or -errno; the one place where refusals are
 * logged. */
void ops_reply(fuse_req_t req, struct fs_request *rq, int rc);

/* Resolves the directory in which a name is made, changed or removed. Returns 0
 * or -errno. */
int ops_written_dir(struct fs_request *rq, fuse_ino_t ino, struct node *dir);

/* Fills in the reply to a lookup of a node. Returns 0 or -errno. */
int ops_entry(const struct mount *mount, const struct node *node,
    struct fuse_entry_param *entry);

/* --- ops_cached.c --- */

/* Invalidates the attributes of an inode. arg: the session. */
int ops_forget_attributes(uint64_t ino, void *arg);

/* Whether the kernel can forget names. */
bool ops_can_forget_names(const struct fuse_conn_info *conn);

/*
 * Before the reply to a rename, which takes a name along with what is cached of
 * it, and to a change of owner: invalidates all names. A name that is not there
 * is never cached.
 */
void ops_forget_names(const struct mount *mount);

/* How long attributes of a node may be cached that the kernel knows. */
double ops_timeout(const struct node *node);

/* Behind an open, before the reply: fstat(2) shows what was rendered. */
void ops_show_present(const struct mount *mount, fuse_ino_t ino);

/* --- ops_file.c --- */

struct file *ops_file(const struct fuse_file_info *fi);

/* Closes a file. There is no caller to reply to, but a request that was left
 * incomplete is logged. */
void ops_close_file(struct file *file);

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
    mode_t mode, struct fuse_file_info *fi);
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
    off_t offset, struct fuse_file_info *fi);
void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* --- ops_sync.c --- */

void ops_fsync(
    fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi);
void ops_fsyncdir(
    fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi);

/* Replies to a write of so many bytes that has been stored, when what follows
 * from it is done. */
void ops_settle_write(
    fuse_req_t req, struct fs_request *rq, fuse_ino_t ino, size_t size);

/* Answers those that still wait, when no request is served any more. */
void ops_end_syncs(struct store *store);

/* --- ops_dir.c --- */

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi);

#endif
