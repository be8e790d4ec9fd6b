/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

SHOW(show_log_head)
{
	(void)row;
	return store_log_head(store, out);
}
