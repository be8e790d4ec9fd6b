/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(show_export)
{
	int64_t changed;

	return store_export(store, row, out, &changed);
}

MEASURE(measure_export)
{
	CLEANUP_BYTES struct bytes out = {0};
	int rc = store_export(store, row, &out, changed);

	*len = out.len;
	return rc;
}

READ(read_segment)
{
	return store_segment_read(store, &row->segment, offset, size, out);
}

MEASURE(measure_segment)
{
	*changed = row->object.changed;
	return store_segment_size(store, &row->segment, len);
}
