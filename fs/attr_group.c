/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "fs/value.h"

/* Files of groups and members. */

DEFINE_SHOW(group_description_show, value_add_text(out, row->group.description))
DEFINE_SHOW(group_enabled_show, value_add_number(out, row->group.enabled))
DEFINE_SHOW(
    group_signing_cert_show, value_add_text(out, row->group.signing_cert))

DEFINE_SHOW(group_approval_show, value_add_number(out, row->group.approval))
DEFINE_SHOW(expire_after_show, value_add_duration(out, row->group.expire_after))

ATTR_STORE(expire_after_store)
{
	int64_t seconds;
	int rc = value_duration(input->text, &seconds);

	if (rc)
		return refuse_form(call, rc,
		    "never, or a number from 1 on with s, m, h, d or w");
	struct store_edit edit = text_edit(input, STORE_EXPIRE_AFTER);
	edit.number = seconds;
	return store_set(store, call, &row->object, &edit);
}

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

/* --- members --- */

DEFINE_SHOW(member_serial_show, value_add_text(out, row->member.serial))
DEFINE_SHOW(member_not_before_show, value_add_date(out, row->member.not_before))
DEFINE_SHOW(member_not_after_show, value_add_date(out, row->member.not_after))
DEFINE_SHOW(
    provisioning_key_show, value_add_text(out, row->member.provisioning_key))
DEFINE_SHOW(
    member_signing_cert_show, value_add_text(out, row->member.signing_cert))
DEFINE_SHOW(member_state_show,
    value_add_text(out, store_state_name(store_member_state(&row->member))))
DEFINE_SHOW(enrolled_show, value_add_moment(out, row->member.enrolled))
DEFINE_SHOW(enrolled_by_show, value_add_number(out, row->member.enrolled_by))
DEFINE_SHOW(
    member_description_show, value_add_text(out, row->member.description))
DEFINE_SHOW(revocation_show,
    value_add_text(out, row->member.revoked ? row->member.reason : "none"))
