/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/handle.h"
#include "fs/hidden.h"
#include "fs/ino.h"
#include "fs/node.h"
#include "fs/ops_internal.h"
#include "store/base/report.h"

struct store *ops_store(fuse_req_t req)
{
	return ((struct mount *)fuse_req_userdata(req))->store;
}

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static struct store_call caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct store_call){
	    .uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid};
}

enum { GROUPS = 256 };

/*
 * For what the kernel lets through by the directory's mode alone: who is let in
 * by a file's own has to be known. Groups beyond these do not count.
 */
static struct store_call caller_with_groups(fuse_req_t req, gid_t groups[GROUPS])
{
	struct store_call call = caller(req);
	int n = fuse_req_getgroups(req, GROUPS, groups);

	call.groups = groups;
	call.groups_count = n < 0 ? -1 : n < GROUPS ? n : GROUPS;
	call.umask = fuse_req_ctx(req)->umask;
	return call;
}

/* The directory that a name is made, changed or removed in. */
static int written_dir(
    fuse_req_t req, fuse_ino_t ino, struct store_call *call, struct node *dir)
{
	int rc = node_get(ops_store(req), ino, dir);

	return rc ? rc : node_learn_group(ops_store(req), call, dir);
}

/* The kernel takes no errno above 511: whoever called would hang. */
void ops_reply_error(fuse_req_t req, int rc)
{
	if (rc == -ENOMEM)
		report(LOG_ERR, "a request was refused: out of memory");
	fuse_reply_err(req, rc < 0 && rc > -512 ? -rc : rc ? EIO : 0);
}

/* The last to see a refusal: none is answered that has no line and no
 * reason. */
static int refused(fuse_req_t req, struct store_call *call, const char *action,
    const struct node *node, const char *name, int rc)
{
	return node_refused_in(ops_store(req), call, action, node, name, rc);
}

int ops_entry(struct store *store, const struct node *node,
    struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){
	    .ino = node->ino,
	    .attr_timeout = node_timeout(node),
	    .entry_timeout = node_entry_timeout(node),
	    .generation = node->attr ? 0 : hidden_generation(node->ino),
	};
	return node_stat(store, node, &entry->attr);
}

static void reply_entry(fuse_req_t req, const struct node *node, int rc)
{
	struct fuse_entry_param entry;

	if (!rc)
		rc = ops_entry(ops_store(req), node, &entry);
	if (rc)
		ops_reply_error(req, rc);
	else
		fuse_reply_entry(req, &entry);
}

#ifdef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
/* Each open and each mmap(2) drops the pages that are there: see
 * handle_read_page. */
enum { SHARED_MAPPINGS = FUSE_CAP_DIRECT_IO_ALLOW_MMAP };
#else /* libfuse before 3.17: ENODEV */
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
	mount->served(mount);
}

/* After the last request: files that somebody still has open get no release. */
static void op_destroy(void *userdata)
{
	(void)userdata;
	handle_close_all();
	draft_end_all();
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node dir, node;
	int rc = node_get(ops_store(req), parent, &dir);

	if (!rc)
		rc = node_lookup(ops_store(req), &dir, name, &node);
	reply_entry(req, &node, rc);
}

/* Nothing is kept for an inode, so there is nothing to forget. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	(void)ino;
	(void)count;
	fuse_reply_none(req);
}

/*
 * The kernel does not say whether this is stat(2) or fstat(2). Who has the file
 * open is told how long what it reads is, and from when: rsync, cp and web
 * servers ask between open and read, and something may change before.
 */
static void reply_attr(fuse_req_t req, const struct node *node, int rc)
{
	struct stat st;

	if (!rc)
		rc = node_stat(ops_store(req), node, &st);
	if (rc) {
		ops_reply_error(req, rc);
		return;
	}
	bool other = handle_stat(node->ino, fuse_req_ctx(req)->pid, &st);
	node_count_blocks(&st);
	fuse_reply_attr(req, &st, other ? 0 : node_timeout(node));
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node node;

	(void)fi;
	reply_attr(req, &node, node_get(ops_store(req), ino, &node));
}

/* Sizes are what is shown: truncating to nothing is how a new value begins, and
 * changes nothing yet. */
static int check_size(
    struct store_call *call, const struct stat *want, const struct stat *now)
{
	return want->st_size && want->st_size != now->st_size
		   ? store_refuse(call, -EINVAL,
			 "a size is that of the value: only 0 and the present one can be set")
		   : 0;
}

static int forget_attributes(uint64_t ino, void *arg)
{
	/* -ENOENT: the kernel does not know it */
	fuse_lowlevel_notify_inval_inode(arg, ino, -1, 0);
	return 0;
}

void ops_enrolled(int64_t group, void *arg)
{
	const struct mount *mount = arg;

	node_each_notified(
	    STORE_GROUP, group, forget_attributes, mount->session);
}

static bool changes_owner(int which)
{
	return which &
	       (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MODE);
}

/* The fields that were asked for: what the others are is for whoever makes the
 * change to see. */
static struct store_chown owner_change(const struct stat *want, int which)
{
	return (struct store_chown){
	    .uid = which & FUSE_SET_ATTR_UID,
	    .gid = which & FUSE_SET_ATTR_GID,
	    .mode = which & FUSE_SET_ATTR_MODE,
	    .to = {want->st_uid, want->st_gid, want->st_mode & 07777, 0},
	};
}

/* A change counts at once, also for the files that follow: before the reply the
 * kernel forgets them. */
static int change_owner(
    fuse_req_t req, const struct node *node, const struct stat *want, int which)
{
	const struct mount *mount = fuse_req_userdata(req);
	gid_t groups[GROUPS];
	struct store_call call = which & FUSE_SET_ATTR_GID
				     ? caller_with_groups(req, groups)
				     : caller(req);
	struct store_chown change = owner_change(want, which);
	int rc = node_chown(ops_store(req), &call, node, &change);

	if (rc)
		return rc < 0 ? rc : 0;
	return node_each_follower(node, forget_attributes, mount->session);
}

static int change_draft(
    fuse_req_t req, const struct node *node, const struct stat *want, int which)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
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
	return refused(req, &call, changes_owner(which) ? "chown" : "truncate",
	    node, NULL, draft_change(&call, node->draft, &change));
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
    int which, struct fuse_file_info *fi)
{
	struct store_call call = caller(req);
	struct node node;
	struct stat now;
	int rc = node_get(ops_store(req), ino, &node);

	/* also where a request is being dropped: its place is a draft */
	if (!rc && fi && which & FUSE_SET_ATTR_SIZE && !attr->st_size)
		handle_truncate(handle_of(fi));
	if (!rc && node.draft) {
		reply_attr(req, &node, change_draft(req, &node, attr, which));
		return;
	}
	if (!rc && which & FUSE_SET_ATTR_SIZE)
		rc = node_stat(ops_store(req), &node, &now);
	if (!rc && which & FUSE_SET_ATTR_SIZE)
		rc = refused(req, &call, "truncate", &node, NULL,
		    check_size(&call, attr, &now));
	/* Times are ours: setting them succeeds and changes nothing. */
	if (!rc && changes_owner(which)) {
		rc = change_owner(req, &node, attr, which);
		if (!rc)
			rc = node_get(ops_store(req), ino, &node);
	}
	reply_attr(req, &node, rc);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	CLEANUP_BYTES struct bytes target = {0};
	struct node node;
	int rc = node_get(ops_store(req), ino, &node);

	if (!rc && !(node.attr && node.attr->flags & AT_LINK))
		rc = -EINVAL;
	if (!rc)
		rc = node_content(ops_store(req), &node, &target);
	if (!rc)
		rc = bytes_add(&target, "", 1);
	if (rc)
		ops_reply_error(req, rc);
	else
		fuse_reply_readlink(req, (const char *)target.data);
}

/* --- making and removing --- */

static void op_mkdir(
    fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
	struct node dir, node;
	int rc = node_get(ops_store(req), parent, &dir);

	if (!rc)
		rc = refused(req, &call, "mkdir", &dir, name,
		    node_make(ops_store(req), &call, &dir, name, mode, &node));
	reply_entry(req, &node, rc);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
	struct node dir;
	int rc = written_dir(req, parent, &call, &dir);

	if (!rc)
		rc = refused(req, &call, "rmdir", &dir, name,
		    node_remove(ops_store(req), &call, &dir, name));
	ops_reply_error(req, rc);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
    fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
	const struct mount *mount = fuse_req_userdata(req);
	struct node dir, new_dir, node;
	int rc = written_dir(req, parent, &call, &dir);

	if (!rc)
		rc = node_get(ops_store(req), new_parent, &new_dir);
	if (rc) {
		ops_reply_error(req, rc);
		return;
	}
	rc = flags & ~(unsigned int)RENAME_NOREPLACE
		 ? store_refuse(&call, -EINVAL, "two names cannot be exchanged")
		 : node_rename(
		       ops_store(req), &call, &dir, name, &new_dir, new_name);
	/* its ctime has moved, and with that those of the files in it */
	if (!rc && node_lookup(ops_store(req), &dir, new_name, &node) == 0)
		node_each_follower(&node, forget_attributes, mount->session);
	ops_reply_error(req, refused(req, &call, "rename", &dir, name, rc));
}

/* Something of a type that the tree does not have. */
static void refuse_type(
    fuse_req_t req, fuse_ino_t parent, const char *name, const char *action)
{
	struct store_call call = caller(req);
	struct node dir;
	int rc = node_get(ops_store(req), parent, &dir);

	if (!rc)
		rc = refused(req, &call, action, &dir, name,
		    store_refuse(&call, -EPERM, "there are no such files here"));
	ops_reply_error(req, rc);
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
	struct store_call call = caller_with_groups(req, groups);
	struct node file, dir, link;
	int rc = node_get(ops_store(req), ino, &file);

	if (!rc)
		rc = written_dir(req, parent, &call, &dir);
	if (!rc)
		rc = refused(req, &call, "link", &dir, name,
		    node_link(ops_store(req), &call, &file, &dir, name, &link));
	reply_entry(req, &link, rc);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
	struct node dir;
	int rc = written_dir(req, parent, &call, &dir);

	if (!rc)
		rc = refused(req, &call, "unlink", &dir, name,
		    node_unlink(ops_store(req), &call, &dir, name));
	ops_reply_error(req, rc);
}

/* --- files --- */

static void give_handle(struct fuse_file_info *fi, struct handle *handle)
{
	fi->fh = (uintptr_t)handle;
	/* What is read is what this open rendered, never another's page. */
	fi->direct_io = 1;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct store_call call = caller(req);
	struct handle *handle;
	struct node node;
	int rc = node_get(ops_store(req), ino, &node);

	if (!rc)
		rc = handle_open(
		    ops_store(req), &call, &node, fi->flags, &handle);
	if (rc) {
		ops_reply_error(req, rc);
		return;
	}
	give_handle(fi, handle);
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_close(
		    handle); /* the open was interrupted: no release will come */
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
    mode_t mode, struct fuse_file_info *fi)
{
	gid_t groups[GROUPS];
	struct store_call call = caller_with_groups(req, groups);
	struct fuse_entry_param entry;
	struct handle *handle;
	struct node dir, node;
	int rc = written_dir(req, parent, &call, &dir);

	if (rc) {
		ops_reply_error(req, rc);
		return;
	}
	rc = node_create(
	    ops_store(req), &call, &dir, name, fi->flags, mode, &node);
	if (!rc) {
		rc = ops_entry(ops_store(req), &node, &entry);
		if (!rc)
			rc = handle_open(
			    ops_store(req), &call, &node, fi->flags, &handle);
		if (rc)
			node_uncreate(&node);
	}
	if (rc) {
		ops_reply_error(
		    req, refused(req, &call, "create", &dir, name, rc));
		return;
	}
	give_handle(fi, handle);
	if (fuse_reply_create(req, &entry, fi) == -ENOENT)
		handle_close(handle);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	CLEANUP_BYTES struct bytes data = {0};
	struct store_call call = caller(req);
	/* The kernel names the reader for read(2), and nobody where it fills a
	 * page: for mmap(2) and sendfile(2). */
	int rc = fi->lock_owner
		     ? handle_read(handle_of(fi), &call, offset, size, &data)
		     : handle_read_page(
			   handle_of(fi), &call, offset, size, &data);

	(void)ino;
	if (rc)
		ops_reply_error(req, rc);
	else
		fuse_reply_buf(req, (const char *)data.data, data.len);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data,
    size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct store_call call = caller(req);
	int rc = handle_write(handle_of(fi), &call, data, size,
	    fi->flags & O_APPEND ? AT_END : offset);

	(void)ino;
	/* The buffer is libfuse's and lives on with its thread; a provisioning
	 * key may be in it. */
	explicit_bzero((void *)(uintptr_t)data, size);
	if (rc)
		ops_reply_error(req, rc);
	else
		fuse_reply_write(req, size);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	ops_reply_error(req, handle_flush(handle_of(fi)));
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_close(handle_of(fi));
	fuse_reply_err(req, 0);
}

/* What a write has answered is on disk already. */
static void op_fsync(
    fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	(void)ino;
	(void)data_only;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int rc = node_space(ops_store(req), &st);

	(void)ino;
	if (rc)
		ops_reply_error(req, rc);
	else
		fuse_reply_statfs(req, &st);
}

/* Extended attributes are left out: libfuse answers ENOSYS, and the kernel asks
 * no more. */
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
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .opendir = ops_opendir,
    .readdir = ops_readdir,
    .fsyncdir = op_fsync,
    .statfs = op_statfs,
    .create = op_create,
    .readdirplus = ops_readdirplus,
};
