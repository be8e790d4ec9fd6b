/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(log_head_show)
{
	(void)row;
	return store_log_head(store, out);
}

READ(log_read)
{
	(void)row;
	return store_log_read(store, offset, size, out);
}

MEASURE(log_measure)
{
	(void)row;
	return store_log_stat(store, len, changed);
}

MEASURE(log_head_measure)
{
	CLEANUP_BYTES struct bytes head = {0};
	int rc = store_log_stat(store, len, changed);

	(void)row;
	if (!rc)
		rc = store_log_head(store, &head);
	*len = head.len + 1;
	return rc;
}
