/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "fs/draft.h"
#include "fs/file.h"
#include "fs/hidden.h"
#include "fs/ino.h"
#include "fs/listing.h"
#include "fs/node.h"
#include "fs/ops_internal.h"
#include "store/base/report.h"

struct fs_request ops_request(fuse_req_t req)
{
	const struct mount *mount = fuse_req_userdata(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct fs_request){
	    .store = mount->store,
	    .call = {.uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid},
	};
}

struct fs_request ops_request_with_groups(fuse_req_t req, gid_t groups[GROUPS])
{
	struct fs_request rq = ops_request(req);
	int n = fuse_req_getgroups(req, GROUPS, groups);

	rq.call.groups = groups;
	rq.call.groups_count = n < 0 ? -1 : n < GROUPS ? n : GROUPS;
	rq.call.umask = fuse_req_ctx(req)->umask;
	return rq;
}

int ops_written_dir(struct fs_request *rq, fuse_ino_t ino, struct node *dir)
{
	int rc = node_get(rq->store, ino, dir);

	return rc ? rc : node_learn_group(rq, dir);
}

/* The kernel accepts no errno above 511: the caller would hang. */
void ops_reply(fuse_req_t req, struct fs_request *rq, int rc)
{
	request_log(rq, rc);
	if (rc == -ENOMEM)
		report(LOG_ERR, "a request was refused: out of memory");
	fuse_reply_err(req, rc < 0 && rc > -512 ? -rc : rc ? EIO : 0);
}

int ops_entry(const struct mount *mount, const struct node *node,
    struct fuse_entry_param *entry)
{
	bool forgettable = atomic_load(&mount->forgettable);

	*entry = (struct fuse_entry_param){
	    .ino = node->ino,
	    .attr_timeout = node_lookup_timeout(node, forgettable),
	    .entry_timeout = node_entry_timeout(node, forgettable),
	    .generation = node->attr ? 0 : hidden_generation(node->ino),
	};
	return node_stat(mount->store, node, &entry->attr);
}

static void reply_entry(
    fuse_req_t req, struct fs_request *rq, const struct node *node, int rc)
{
	struct fuse_entry_param entry;

	if (!rc)
		rc = ops_entry(fuse_req_userdata(req), node, &entry);
	if (rc)
		ops_reply(req, rq, rc);
	else
		fuse_reply_entry(req, &entry);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_request rq = ops_request(req);
	struct node dir, node;
	int rc = node_get(rq.store, parent, &dir);

	if (!rc)
		rc = node_lookup(rq.store, &dir, name, &node);
	reply_entry(req, &rq, &node, rc);
}

/* There is no table of inodes (ino.h). */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	(void)ino;
	(void)count;
	fuse_reply_none(req);
}

/* The size of what this caller would read now. */
static int stat_report(
    const struct fs_request *rq, const struct node *node, struct stat *st)
{
	CLEANUP_BYTES struct bytes text = {0};
	int rc = node->attr->report(rq->call.uid, &text);

	st->st_size = (off_t)text.len;
	return rc;
}

/*
 * The kernel does not say whether this is stat(2) or fstat(2). A process that
 * has the file open gets the size and time of what it reads: rsync, cp and web
 * servers call fstat between open and read, and the file may have changed
 * since.
 */
static void reply_attr(
    fuse_req_t req, struct fs_request *rq, const struct node *node, int rc)
{
	struct stat st;

	if (!rc)
		rc = node_stat(rq->store, node, &st);
	if (!rc && node->attr && node->attr->report)
		rc = stat_report(rq, node, &st);
	if (rc) {
		ops_reply(req, rq, rc);
		return;
	}
	bool other = file_stat(node->ino, rq->call.pid, &st);
	node_count_blocks(&st);
	fuse_reply_attr(req, &st, other ? 0 : ops_timeout(node));
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);
	struct node node;

	(void)fi;
	reply_attr(req, &rq, &node, node_get(rq.store, ino, &node));
}

/* Truncation to 0 precedes a new value, and changes nothing yet. */
static int check_size(
    struct fs_request *rq, const struct node *node, const struct stat *want)
{
	struct stat now;
	int rc = node_stat(rq->store, node, &now);

	if (rc)
		return rc;
	node_target(rq, "truncate", node, NULL);
	return want->st_size && want->st_size != now.st_size
		   ? store_refuse(&rq->call, -EINVAL,
			 "a size is that of the value: only 0 and the present one can be set")
		   : 0;
}

static bool changes_owner(int which)
{
	return which &
	       (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MODE);
}

/* Only the fields of the request; the others are read in the transaction that
 * makes the change. */
static struct store_chown owner_change(const struct stat *want, int which)
{
	return (struct store_chown){
	    .uid = which & FUSE_SET_ATTR_UID,
	    .gid = which & FUSE_SET_ATTR_GID,
	    .mode = which & FUSE_SET_ATTR_MODE,
	    .to = {want->st_uid, want->st_gid, want->st_mode & 07777, 0},
	};
}

/* A change takes effect at once: before the reply, the kernel drops what it has
 * cached of the files that follow. */
static int change_owner(fuse_req_t req, struct fs_request *rq,
    struct node *node, struct stat *want, int which)
{
	const struct mount *mount = fuse_req_userdata(req);
	struct store_chown change = owner_change(want, which);
	int rc = node_chown(rq, node, &change);

	if (rc < 0)
		return rc;
	if (!rc)
		node_each_follower(node, ops_forget_attributes, mount->session);
	if (!rc && !node->attr && change.uid)
		ops_forget_names(mount);
	return node_get(rq->store, node->ino, node);
}

static int change_draft(struct fs_request *rq, const struct node *node,
    const struct stat *want, int which)
{
	struct store_chown owner = owner_change(want, which);
	struct draft_change change = {
	    .owner = changes_owner(which) ? &owner : NULL,
	    .resize = which & FUSE_SET_ATTR_SIZE,
	    .size = want->st_size,
	    .mtime = which & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
	    .at = want->st_mtim,
	};

	if (which & FUSE_SET_ATTR_MTIME_NOW)
		clock_gettime(CLOCK_REALTIME, &change.at);
	node_target(rq, changes_owner(which) ? "chown" : "truncate", node, NULL);
	return draft_change(&rq->call, node->draft, &change);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
    int which, struct fuse_file_info *fi)
{
	gid_t groups[GROUPS];
	struct fs_request rq = which & FUSE_SET_ATTR_GID
				   ? ops_request_with_groups(req, groups)
				   : ops_request(req);
	struct node node;
	int rc = node_get(rq.store, ino, &node);

	/* also for a request that is being dropped, which is a draft */
	if (!rc && fi && which & FUSE_SET_ATTR_SIZE && !attr->st_size)
		file_truncate(ops_file(fi));
	if (!rc && node.draft) {
		rc = change_draft(&rq, &node, attr, which);
		reply_attr(req, &rq, &node, rc);
		return;
	}
	if (!rc && which & FUSE_SET_ATTR_SIZE)
		rc = check_size(&rq, &node, attr);
	/* setting times succeeds and changes nothing */
	if (!rc && changes_owner(which))
		rc = change_owner(req, &rq, &node, attr, which);
	reply_attr(req, &rq, &node, rc);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	CLEANUP_BYTES struct bytes target = {0};
	struct fs_request rq = ops_request(req);
	struct node node;
	int rc = node_get(rq.store, ino, &node);

	if (!rc && !(node.attr && node.attr->flags & AT_LINK))
		rc = -EINVAL;
	if (!rc)
		rc = node_content(rq.store, &node, &target);
	if (!rc)
		rc = bytes_add(&target, "", 1);
	if (rc)
		ops_reply(req, &rq, rc);
	else
		fuse_reply_readlink(req, (const char *)target.data);
}

/* --- making and removing --- */

static void op_mkdir(
    fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	struct node dir, node;
	int rc = node_get(rq.store, parent, &dir);

	if (!rc)
		rc = node_make(&rq, &dir, name, mode, &node);
	reply_entry(req, &rq, &node, rc);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	struct node dir;
	int rc = ops_written_dir(&rq, parent, &dir);

	if (!rc)
		rc = node_remove(&rq, &dir, name);
	ops_reply(req, &rq, rc);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	struct node dir;
	int rc = ops_written_dir(&rq, parent, &dir);

	if (!rc)
		rc = node_unlink(&rq, &dir, name);
	ops_reply(req, &rq, rc);
}

static int refuse_exchange(
    struct fs_request *rq, const struct node *dir, const char *name)
{
	node_target(rq, "rename", dir, name);
	return store_refuse(&rq->call, -EINVAL, "two names cannot be exchanged");
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
    fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	const struct mount *mount = fuse_req_userdata(req);
	struct node dir, new_dir, node;
	int rc = ops_written_dir(&rq, parent, &dir);
	/* no name of a draft is cached */
	bool cached = !rc && !node_lookup(rq.store, &dir, name, &node) &&
		      !node.draft;

	if (!rc)
		rc = node_get(rq.store, new_parent, &new_dir);
	if (!rc)
		rc = flags & ~(unsigned int)RENAME_NOREPLACE
			 ? refuse_exchange(&rq, &dir, name)
			 : node_rename(&rq, &dir, name, &new_dir, new_name);
	/* its ctime has changed, and with it those of its files */
	if (!rc && node_lookup(rq.store, &dir, new_name, &node) == 0)
		node_each_follower(&node, ops_forget_attributes, mount->session);
	if (!rc && cached) {
		listing_wait(0);
		ops_forget_names(mount);
	}
	ops_reply(req, &rq, rc);
}

/* A file of a type that the tree does not have. */
static void refuse_type(
    fuse_req_t req, fuse_ino_t parent, const char *name, const char *action)
{
	struct fs_request rq = ops_request(req);
	struct node dir;
	int rc = node_get(rq.store, parent, &dir);

	if (!rc) {
		node_target(&rq, action, &dir, name);
		rc = store_refuse(
		    &rq.call, -EPERM, "there are no such files here");
	}
	ops_reply(req, &rq, rc);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
    mode_t mode, dev_t rdev)
{
	(void)mode;
	(void)rdev;
	refuse_type(req, parent, name, "mknod");
}

static void op_symlink(
    fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	refuse_type(req, parent, name, "symlink");
}

static void op_link(
    fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	struct node file, dir, link;
	int rc = node_get(rq.store, ino, &file);

	if (!rc)
		rc = ops_written_dir(&rq, parent, &dir);
	if (!rc)
		rc = node_link(&rq, &file, &dir, name, &link);
	reply_entry(req, &rq, &link, rc);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs_request rq = ops_request(req);
	struct statvfs st;
	int rc = node_space(rq.store, &st);

	(void)ino;
	if (rc)
		ops_reply(req, &rq, rc);
	else
		fuse_reply_statfs(req, &st);
}

/* --- the session --- */

#ifdef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
/* Each open and mmap(2) invalidates the cached pages; see file_read_page. */
enum { SHARED_MAPPINGS = FUSE_CAP_DIRECT_IO_ALLOW_MMAP };
#else /* libfuse before 3.17: mmap(2) fails with ENODEV */
enum { SHARED_MAPPINGS = 0 };
#endif

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct mount *mount = userdata;
	unsigned int want = FUSE_CAP_DONT_MASK | FUSE_CAP_READDIRPLUS |
			    FUSE_CAP_READDIRPLUS_AUTO |
			    FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_ATOMIC_O_TRUNC |
			    SHARED_MAPPINGS;

	conn->want |= conn->capable & want;
	conn->want &= ~(unsigned int)FUSE_CAP_WRITEBACK_CACHE;
	mount->forgettable = ops_can_forget_names(conn);
	atomic_store(&mount->serving, true);
	mount->served(mount);
}

/* After the last request: files that are still open get no release. */
static void op_destroy(void *userdata)
{
	struct mount *mount = userdata;
	struct file *file;

	atomic_store(&mount->serving, false);
	ops_end_syncs(mount->store);
	while ((file = file_any()))
		ops_close_file(file);
	draft_end_all();
}

/* No extended attributes: libfuse replies ENOSYS, and the kernel stops asking.
 * */
const struct fuse_lowlevel_ops fs_ops = {
    .init = op_init,
    .destroy = op_destroy,
    .lookup = op_lookup,
    .forget = op_forget,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = ops_open,
    .read = ops_read,
    .write = ops_write,
    .flush = ops_flush,
    .release = ops_release,
    .fsync = ops_fsync,
    .opendir = ops_opendir,
    .releasedir = ops_releasedir,
    .readdir = ops_readdir,
    .fsyncdir = ops_fsyncdir,
    .statfs = op_statfs,
    .create = ops_create,
    .readdirplus = ops_readdirplus,
};
