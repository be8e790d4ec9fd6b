/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(export_show)
{
	int64_t changed;

	return store_export(store, row, out, &changed);
}

MEASURE(export_measure)
{
	CLEANUP_BYTES struct bytes out = {0};
	int rc = store_export(store, row, &out, changed);

	*len = out.len;
	return rc;
}

READ(segment_read)
{
	return store_segment_read(store, &row->segment, offset, size, out);
}

MEASURE(segment_measure)
{
	*changed = row->object.changed;
	return store_segment_size(store, &row->segment, len);
}
