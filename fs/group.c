/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

DEFINE_SHOW(group_description_show, value_add_text(out, row->group.description))
DEFINE_SHOW(group_enabled_show, value_add_number(out, row->group.enabled))
DEFINE_SHOW(
    group_signing_cert_show, value_add_text(out, row->group.signing_cert))

int64_t keys_changed(const union store_any *row)
{
	return row->group.keys_changed;
}

int64_t members_changed(const union store_any *row)
{
	return row->group.members_changed;
}

int64_t list_changed(const union store_any *row)
{
	return row->object.changed;
}
