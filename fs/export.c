/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(show_export)
{
	int64_t changed;

	return store_export(store, row, out, &changed);
}

int measure_export(struct store *store, const union store_any *row, size_t *len, int64_t *changed)
{
	CLEANUP_BYTES struct bytes out = {0};
	int rc = store_export(store, row, &out, changed);

	*len = out.len;
	return rc;
}
