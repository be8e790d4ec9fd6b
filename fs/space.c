/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node_internal.h"

/* What stat(2) and statfs(2) say of space: the disk is the store's, the files
 * are ours. */

/* Rounded up: what looks sparse is copied by tar, cp and rsync as a hole. */
void node_count_blocks(struct stat *st)
{
	st->st_blocks = (st->st_size + 511) / 512;
}

/* How many times the tree has this kind. */
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

/* What listings show of it: the directories, unless it has none, and their
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
	/* no disk's inodes: as many as there are ids */
	out->f_ffree = out->f_favail = STORE_ID_MAX;
	out->f_files = out->f_ffree + used;
	return rc;
}
