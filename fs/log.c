/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(show_log_head)
{
	(void)row;
	return store_log_head(store, out);
}

int measure_log(struct store *store, const union store_any *row, size_t *len, int64_t *changed)
{
	(void)row;
	return store_log_stat(store, len, changed);
}

int measure_log_head(struct store *store, const union store_any *row, size_t *len, int64_t *changed)
{
	CLEANUP_BYTES struct bytes head = {0};
	int rc = store_log_stat(store, len, changed);

	(void)row;
	if (!rc)
		rc = store_log_head(store, &head);
	*len = head.len + 1;
	return rc;
}
