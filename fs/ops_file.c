/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/file.h"
#include "fs/ops_internal.h"

/* Open files. */

struct file *ops_file(const struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

static void give_file(struct fuse_file_info *fi, struct file *file)
{
	fi->fh = (uintptr_t)file;
	/* Reads get what this open rendered, not a page that another open
	 * filled. */
	fi->direct_io = 1;
	/* kernels before 5.16 send FLUSH regardless */
	fi->noflush = !file_reports_close(file);
}

void ops_close_file(struct file *file)
{
	struct fs_request rq = {0};

	request_log(&rq, file_close(file, &rq));
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);
	struct file *file;
	struct node node;
	int rc = node_get(rq.store, ino, &node);

	if (!rc)
		rc = file_open(&rq, &node, fi->flags, &file);
	if (rc) {
		ops_reply(req, &rq, rc);
		return;
	}
	ops_show_present(fuse_req_userdata(req), ino);
	give_file(fi, file);
	/* interrupted: no release will come */
	if (fuse_reply_open(req, fi) == -ENOENT)
		ops_close_file(file);
}

/* Creates a file and opens it. */
static int create(const struct mount *mount, struct fs_request *rq,
    fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi,
    struct fuse_entry_param *entry)
{
	struct file *file;
	struct node dir, node;
	int rc = ops_written_dir(rq, parent, &dir);

	if (!rc)
		rc = node_create(rq, &dir, name, fi->flags, mode, &node);
	if (rc)
		return rc;
	rc = ops_entry(mount, &node, entry);
	if (!rc)
		rc = file_open(rq, &node, fi->flags, &file);
	if (rc)
		node_uncreate(&node);
	else
		give_file(fi, file);
	return rc;
}

void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
    mode_t mode, struct fuse_file_info *fi)
{
	gid_t groups[GROUPS];
	struct fs_request rq = ops_request_with_groups(req, groups);
	struct fuse_entry_param entry;
	int rc = create(
	    fuse_req_userdata(req), &rq, parent, name, mode, fi, &entry);

	if (rc)
		ops_reply(req, &rq, rc);
	else if (fuse_reply_create(req, &entry, fi) == -ENOENT)
		ops_close_file(ops_file(fi));
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	CLEANUP_BYTES struct bytes data = {0};
	struct fs_request rq = ops_request(req);
	/* The kernel sets lock_owner for read(2), but not where it fills a page
	 * of its cache, for mmap(2) and sendfile(2). */
	int rc = fi->lock_owner
		     ? file_read(ops_file(fi), &rq, offset, size, &data)
		     : file_read_page(ops_file(fi), &rq, offset, size, &data);

	(void)ino;
	if (rc)
		ops_reply(req, &rq, rc);
	else
		fuse_reply_buf(req, (const char *)data.data, data.len);
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
    off_t offset, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);
	int rc = file_write(ops_file(fi), &rq, data, size,
	    fi->flags & O_APPEND ? FILE_END : offset);

	/* libfuse keeps this buffer as long as its thread; a provisioning key
	 * may be in it. */
	explicit_bzero((void *)(uintptr_t)data, size);
	if (rc)
		ops_reply(req, &rq, rc);
	else if (file_settles(ops_file(fi)))
		ops_settle_write(req, &rq, ino, size);
	else
		fuse_reply_write(req, size);
}

void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);

	(void)ino;
	ops_reply(req, &rq, file_flush(ops_file(fi)));
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	ops_close_file(ops_file(fi));
	fuse_reply_err(req, 0);
}
