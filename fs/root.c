/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

int show_domain(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)row;
	return value_add_text(out, store_domain(store));
}

int show_version(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	(void)row;
	return value_add_text(out, ENROLLFS_VERSION);
}
