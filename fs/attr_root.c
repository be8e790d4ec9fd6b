/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "fs/value.h"
#include "store/log.h"
#include "store/snapshot.h"

/* Files of the mount's root, of tables/ and of export/. */

DEFINE_SHOW(domain_show, value_add_text(out, store_domain(store)))
DEFINE_SHOW(version_show, value_add_text(out, ENROLLFS_VERSION))

/* Another program may have served the store before. */
ATTR_MEASURE(version_measure)
{
	(void)row;
	*len = sizeof(ENROLLFS_VERSION);
	*changed = store_started(store);
	return 0;
}

/* --- the audit trail --- */

ATTR_SHOW(log_head_show)
{
	(void)row;
	return store_log_head(store, out);
}

ATTR_READ(log_read)
{
	(void)row;
	return store_log_read(store, offset, size, out);
}

ATTR_MEASURE(log_measure)
{
	(void)row;
	return store_log_stat(store, len, changed);
}

ATTR_MEASURE(log_head_measure)
{
	CLEANUP_BYTES struct bytes head = {0};
	int rc = store_log_stat(store, len, changed);

	(void)row;
	if (!rc)
		rc = store_log_head(store, &head);
	*len = head.len + 1;
	return rc;
}

/* --- tables and metrics --- */

DEFINE_LIST(keys_list, STORE_KEYS_TABLE)
DEFINE_LIST(members_list, STORE_MEMBERS_TABLE)
DEFINE_LIST(keys_page_list, STORE_KEYS_PAGE)
DEFINE_LIST(members_page_list, STORE_MEMBERS_PAGE)
DEFINE_LIST(metrics_list, STORE_METRICS)

/* --- export/ --- */

ATTR_SHOW(export_show)
{
	int64_t changed;

	return store_export(store, row, out, &changed);
}

ATTR_MEASURE(export_measure)
{
	CLEANUP_BYTES struct bytes out = {0};
	int rc = store_export(store, row, &out, changed);

	*len = out.len;
	return rc;
}

ATTR_READ(segment_read)
{
	return store_segment_read(store, &row->segment, offset, size, out);
}

/* With another master key all records have other MACs, and only this says so. */
ATTR_MEASURE(segment_measure)
{
	*changed = store_shown_segment(store, row->object.changed);
	return store_segment_size(store, &row->segment, len);
}
