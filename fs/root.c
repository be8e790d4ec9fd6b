/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

DEFINE_SHOW(domain_show, value_add_text(out, store_domain(store)))
DEFINE_SHOW(version_show, value_add_text(out, ENROLLFS_VERSION))

/* Another program may have served the store before. */
MEASURE(version_measure)
{
	(void)row;
	*len = sizeof(ENROLLFS_VERSION);
	*changed = store_started(store);
	return 0;
}
