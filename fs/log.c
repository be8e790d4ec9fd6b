/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(show_log_head)
{
	(void)row;
	return store_log_head(store, out);
}

READ(read_log)
{
	(void)row;
	return store_log_read(store, offset, size, out);
}

MEASURE(measure_log)
{
	(void)row;
	return store_log_stat(store, len, changed);
}

MEASURE(measure_log_head)
{
	CLEANUP_BYTES struct bytes head = {0};
	int rc = store_log_stat(store, len, changed);

	(void)row;
	if (!rc)
		rc = store_log_head(store, &head);
	*len = head.len + 1;
	return rc;
}
