/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "fs/listing.h"
#include "fs/node.h"
#include "fs/ops_internal.h"

/* Listing directories. */

/* A number for each open directory. */
static uint64_t new_handle(void)
{
	static _Atomic uint64_t handles;

	return ++handles;
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_request rq = ops_request(req);
	struct node node;
	int rc = node_get(rq.store, ino, &node);

	if (!rc && node.attr)
		rc = -ENOTDIR;
	if (rc) {
		ops_reply(req, &rq, rc);
		return;
	}
	fi->fh = new_handle();
	fuse_reply_open(req, fi);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	listing_end(fi->fh);
	fuse_reply_err(req, 0);
}

struct page {
	fuse_req_t req;
	const struct mount *mount;
	bool plus;
	bool cached; /* see listing.h */
	char *data;
	size_t size, used;
};

/* An entry with its attributes, so that `ls -l` needs no further request. */
static size_t add_plus(
    struct page *page, const char *name, const struct node *node, uint64_t next)
{
	struct fuse_entry_param entry = {0};
	bool dots = name[0] == '.' &&
		    (!name[1] || (name[1] == '.' && !name[2]));
	bool conversation = node->attr && node->attr->flags & AT_CONVERSATION;

	if (dots || ops_entry(page->mount, node, &entry)) {
		entry = (struct fuse_entry_param){0};
		entry.attr.st_mode = node->attr ? S_IFREG : S_IFDIR;
	}
	if (page->cached && node->attr && node->attr->flags & AT_RENEWED)
		entry.attr_timeout = ops_timeout(node);
	entry.attr.st_ino = node_stat_ino(page->mount->store, node);
	/* Not cached by the kernel: each open has to look it up (ino.h). */
	if (conversation)
		entry.ino = 0;
	return fuse_add_direntry_plus(page->req, page->data + page->used,
	    page->size - page->used, name, &entry, (off_t)next);
}

static size_t add_plain(
    struct page *page, const char *name, const struct node *node, uint64_t next)
{
	bool link = node->attr && node->attr->flags & AT_LINK;
	struct stat st = {
	    .st_ino = node_stat_ino(page->mount->store, node),
	    .st_mode = link	    ? S_IFLNK
		       : node->attr ? S_IFREG
				    : S_IFDIR,
	};

	return fuse_add_direntry(page->req, page->data + page->used,
	    page->size - page->used, name, &st, (off_t)next);
}

static int add_entry(
    const char *name, const struct node *node, uint64_t next, void *arg)
{
	struct page *page = arg;
	size_t n = page->plus ? add_plus(page, name, node, next)
			      : add_plain(page, name, node, next);

	if (n > page->size - page->used)
		return 1;
	page->used += n;
	return 0;
}

static void reply_page(fuse_req_t req, fuse_ino_t ino, size_t size,
    off_t offset, const struct fuse_file_info *fi, bool plus)
{
	struct fs_request rq = ops_request(req);
	struct page page = {
	    .req = req,
	    .mount = fuse_req_userdata(req),
	    .plus = plus,
	    .data = malloc(size),
	    .size = size,
	};
	struct node dir;

	listing_end(fi->fh);
	page.cached = plus && node_is_listed(ino) && listing_begin(ino, fi->fh);
	int rc = page.data ? node_get(rq.store, ino, &dir) : -ENOMEM;
	if (!rc)
		rc = node_list(
		    rq.store, &dir, (uint64_t)offset, add_entry, &page);
	if (rc)
		ops_reply(req, &rq, rc);
	else
		fuse_reply_buf(req, page.data, page.used);
	free(page.data);
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	reply_page(req, ino, size, offset, fi, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	reply_page(req, ino, size, offset, fi, true);
}
