/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node_internal.h"
#include "store/base/clock.h"

/* How long a file is and what its time is; see store_shown for what times
 * promise. */

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

/* What is exported has sizes and times of its own. */
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

/* What an open now would serve says how long it is and from when. */
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

/* A later change has to show a later second. A link and what it leads to say
 * the same always. */
static void note_shown(
    struct store *store, const struct node *node, int64_t second)
{
	const struct attr *attr = node->attr;

	if (node_has(attr, AT_VOLATILE) && !node_has(attr, AT_LINK) &&
	    !attr->copy && !node->kind->exported)
		store_look(store, &node->row.object, second);
}

int node_size_and_time(
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
