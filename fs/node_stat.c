/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft.h"
#include "fs/node_internal.h"
#include "store/base/clock.h"
#include "store/snapshot.h"

/* stat(2) and statfs(2). store_shown says what times guarantee. */

static int64_t changed(const struct node *node)
{
	const struct store_object *o = &node->row.object;

	if (!node->attr)
		return node->kind->changed ? node->kind->changed(&node->row)
					   : o->created;
	if (node_has(node->attr, AT_FIXED))
		return o->made;
	return node_has(node->attr, AT_VOLATILE) ? o->changed : o->edited;
}

/* Below export/, the store keeps sizes and times apart itself. */
static struct timespec time_of(
    struct store *store, const struct node *node, int64_t at)
{
	if (!node->kind->exported)
		at = store_shown(store, at);
	return (struct timespec){
	    .tv_sec = at / CLOCK_SECOND, .tv_nsec = at % CLOCK_SECOND};
}

int node_moment(struct store *store, const struct node *node,
    const struct store_snapshot *snapshot, struct timespec *out)
{
	int64_t at = snapshot ? store_snapshot_made(snapshot) : changed(node);
	size_t len;

	*out = (struct timespec){0};
	if (node->kind->exported)
		return 0;
	int rc = node->attr->measure
		     ? node->attr->measure(store, &node->row, &len, &at)
		     : 0;
	*out = time_of(store, node, at);
	return rc;
}

/* Of the snapshot that an open would serve. */
static int measure_snapshot(
    struct store *store, const struct node *node, off_t *size, int64_t *at)
{
	struct store_snapshot *snapshot;
	int rc = node->attr->list(store, &node->row, true, &snapshot);

	if (rc || !snapshot)
		return rc;
	*size = (off_t)store_snapshot_size(snapshot);
	*at = store_snapshot_made(snapshot);
	store_snapshot_put(snapshot);
	return 0;
}

static int measure(
    struct store *store, const struct node *node, off_t *size, int64_t *at)
{
	size_t len = 0;
	int rc = node->attr->measure(store, &node->row, &len, at);

	*size = (off_t)len;
	return rc;
}

static int measure_content(
    struct store *store, const struct node *node, off_t *size)
{
	CLEANUP_BYTES struct bytes content = {0};
	const struct attr *attr = node->attr;
	size_t len = 0;
	int rc = 0;

	if (attr->size) {
		rc = attr->size(store, &node->row, &len);
		if (rc == 1)
			rc = 0;
		else
			len += !node_has(attr, AT_DOCUMENT);
	} else if (attr->show) {
		rc = node_content(store, node, &content);
		len = content.len;
	}
	*size = (off_t)len;
	return rc;
}

/* A later change has to show a later second. The content of a link and of the
 * key never changes. */
static void note_shown(
    struct store *store, const struct node *node, int64_t second)
{
	const struct attr *attr = node->attr;

	if (node_has(attr, AT_VOLATILE) && !node_has(attr, AT_LINK) &&
	    !attr->copy && !node->kind->exported)
		store_look(store, &node->row.object, second);
}

static int size_and_time(
    struct store *store, const struct node *node, struct stat *st)
{
	const struct attr *attr = node->attr;
	int64_t at = changed(node);
	int rc = 0;

	if (attr)
		rc = attr->list
			 ? measure_snapshot(store, node, &st->st_size, &at)
		     : attr->measure
			 ? measure(store, node, &st->st_size, &at)
			 : measure_content(store, node, &st->st_size);
	st->st_mtim = time_of(store, node, at);
	note_shown(store, node, st->st_mtim.tv_sec);
	return rc;
}

/* Rounded up: tar, cp and rsync take a file with fewer blocks for sparse and
 * copy holes. */
void node_count_blocks(struct stat *st)
{
	st->st_blocks = (st->st_size + 511) / 512;
}

static mode_t file_type(const struct attr *attr)
{
	return !attr ? S_IFDIR : node_has(attr, AT_LINK) ? S_IFLNK : S_IFREG;
}

static struct timespec moment(int64_t at)
{
	return (struct timespec){at / CLOCK_SECOND, at % CLOCK_SECOND};
}

/* A change of the content changes the ctime too. */
static void set_ctime(struct stat *st, int64_t at)
{
	struct timespec state = moment(at), content = st->st_mtim;
	bool later = state.tv_sec > content.tv_sec ||
		     (state.tv_sec == content.tv_sec &&
			 state.tv_nsec > content.tv_nsec);

	st->st_ctim = later ? state : content;
}

int node_stat(struct store *store, const struct node *node, struct stat *st)
{
	struct store_owner own;

	if (node->draft) {
		int rc = draft_stat(node->draft, st);
		if (rc)
			return rc;
		st->st_ino = node->ino;
		node_count_blocks(st);
		return 0;
	}
	int rc = node_owner(store, node, &own);
	if (rc)
		return rc;
	*st = (struct stat){
	    .st_ino = node_stat_ino(store, node),
	    .st_nlink = 1,
	    .st_mode = file_type(node->attr) | own.mode,
	    .st_uid = own.uid,
	    .st_gid = own.gid,
	    .st_blksize = 4096,
	};
	rc = size_and_time(store, node, st);
	st->st_atim = st->st_mtim;
	set_ctime(st, own.ctime);
	node_count_blocks(st);
	return rc;
}

/* --- statfs(2) --- */

/* How many directories of this kind there are. */
static int64_t instances(
    const struct kind *kind, const struct store_counts *counts)
{
	int64_t n = 0;

	if (kind->row != STORE_PLACE)
		return node_has(kind->attr, AT_DROP) ? counts->dropped
						     : counts->of[kind->row];
	for (const struct kind *above = tree; above < tree + KINDS; above++)
		for (size_t i = 0; i < above->dirs; i++)
			n += above->dir[i].kind == node_kind_number(kind);
	return n ? n : 1; /* the root */
}

/* How many entries of this kind are listed: directories, unless it is flat, and
 * files. */
static int64_t entries(
    const struct kind *kind, const struct store_counts *counts)
{
	int64_t rows = instances(kind, counts), n = kind->flat ? 0 : rows;

	for (const struct attr *attr = kind->attr;
	     attr < kind->attr + kind->attrs; attr++)
		if (!node_has(attr, AT_HIDDEN))
			n += attr->present ? counts->exportable : rows;
	return n;
}

int node_space(struct store *store, struct statvfs *out)
{
	struct store_counts counts;
	fsfilcnt_t used = 0;
	int rc = store_count(store, &counts);

	store_space(store, out);
	out->f_namemax = NAME_MAX_LEN;
	for (const struct kind *kind = tree; kind < tree + KINDS && !rc; kind++)
		used += (fsfilcnt_t)entries(kind, &counts);
	/* not limited by a disk's inodes, but by ids */
	out->f_ffree = out->f_favail = STORE_ID_MAX;
	out->f_files = out->f_ffree + used;
	return rc;
}
