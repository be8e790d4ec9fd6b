/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "fs/listing.h"
#include "fs/ops_internal.h"
#include "store/base/clock.h"

/* What the kernel has cached, and how it is invalidated. */

int ops_forget_attributes(uint64_t ino, void *arg)
{
	/* -ENOENT: the kernel does not know it */
	fuse_lowlevel_notify_inval_inode(arg, ino, -1, 0);
	return 0;
}

void ops_enrolled(int64_t group, void *arg)
{
	const struct mount *mount = arg;

	node_each_notified(
	    STORE_GROUP, group, ops_forget_attributes, mount->session);
}

/* The kernel finds that the directory is gone when it asks for attributes, and
 * forgets its name. */
void ops_expired(int64_t member, void *arg)
{
	const struct mount *mount = arg;

	if (atomic_load(&mount->serving))
		node_each_listed(STORE_MEMBER, member, ops_forget_attributes,
		    mount->session);
}

/* --- names --- */

/*
 * The notification FUSE_NOTIFY_INC_EPOCH, of Linux 6.16, which libfuse sends
 * from 3.18 on only: all names that were looked up until now, or whose lookup
 * the kernel has begun, are looked up again when they are next used. It takes
 * no lock, so it may precede the reply to any request. (The notification of a
 * single name takes its directory's lock, which a process may hold that waits
 * for this very reply.)
 */
enum { INC_EPOCH = 8, INC_EPOCH_MINOR = 44 };

bool ops_can_forget_names(const struct fuse_conn_info *conn)
{
	return conn->proto_minor >= INC_EPOCH_MINOR;
}

void ops_forget_names(const struct mount *mount)
{
	const struct {
		uint32_t len;
		int32_t notification;
		uint64_t unique;
	} message = {sizeof(message), INC_EPOCH, 0};

	/* what can fail is that the mount is gone */
	if (mount->forgettable && write(fuse_session_fd(mount->session),
				      &message, sizeof(message)) < 0)
		return;
}

/* --- files that a renewal changes --- */

/*
 * The kernel may cache their attributes for a second. A process that looks at a
 * path nevertheless sees what was answered before:
 *
 * - A change of the member invalidates its files before it is answered. The
 *   kernel drops attributes that it asked for before an inode that it knows was
 *   invalidated. What it does not know it learns by a lookup, whose attributes
 *   it may not cache, or by a listing, which is waited for (listing.h).
 * - A key or certificate that is renamed invalidates all names (op_rename), so
 *   the next look is a lookup. Where names are not cached, each look is one.
 *
 * What remains: a process lists the directory while the change is made, and is
 * not scheduled for LISTING_MS between the reply and the next call. Then others
 * can see sizes and times of before for up to a second, if the kernel did not
 * know the file or a key or certificate was renamed. And times, not sizes, may
 * be so old after an edit of a key or certificate. It is never the content that
 * is old, nor the size that fstat(2) shows of an open file.
 */
struct forgetting {
	struct fuse_session *session;
	bool unknown; /* the kernel did not know one of them */
};

static int forget_known(uint64_t ino, void *arg)
{
	struct forgetting *f = arg;

	f->unknown |= fuse_lowlevel_notify_inval_inode(
			  f->session, ino, -1, 0) == -ENOENT;
	return 0;
}

static int forget_listed(uint64_t dir, void *arg)
{
	struct forgetting f = {arg, false};

	node_each_cached(dir, forget_known, &f);
	if (f.unknown && listing_wait(dir))
		node_each_cached(dir, forget_known, &f);
	return 0;
}

void ops_member_changed(int64_t member, void *arg)
{
	const struct mount *mount = arg;

	if (!atomic_load(&mount->serving))
		return;
	if (member)
		node_each_listed(
		    STORE_MEMBER, member, forget_listed, mount->session);
	else {
		listing_wait(0);
		ops_forget_names(mount);
	}
}

/* Not while it is open: fstat(2) asks, and is told the size of what that open
 * rendered (file_stat). */
double ops_timeout(const struct node *node)
{
	bool renewed = node->attr && node->attr->flags & AT_RENEWED;

	return renewed && file_is_open(node->ino) ? 0 : node_timeout(node);
}

/*
 * The member may have changed since its files were cached, even while one is
 * being opened. So it is looked at when that is done; from then on ops_timeout
 * knows that the file is open.
 */
void ops_show_present(const struct mount *mount, fuse_ino_t ino)
{
	static const int64_t cached = 2 * CLOCK_SECOND;
	struct node node;

	if (node_get(mount->store, ino, &node) || node.draft ||
	    !(node.attr->flags & AT_RENEWED))
		return;
	if (node.row.object.changed > clock_now() - cached)
		ops_forget_attributes(ino, mount->session);
}
