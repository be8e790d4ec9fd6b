/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

DEFINE_SHOW(show_member_serial, value_add_text(out, row->member.serial))
DEFINE_SHOW(show_member_not_before, value_add_date(out, row->member.not_before))
DEFINE_SHOW(show_member_not_after, value_add_date(out, row->member.not_after))
DEFINE_SHOW(
    show_provisioning_key, value_add_text(out, row->member.provisioning_key))
DEFINE_SHOW(
    show_member_signing_cert, value_add_text(out, row->member.signing_cert))
DEFINE_SHOW(show_member_state,
    value_add_text(out, store_state_name(store_member_state(&row->member))))
DEFINE_SHOW(show_enrolled, value_add_moment(out, row->member.enrolled))
DEFINE_SHOW(show_enrolled_by, value_add_number(out, row->member.enrolled_by))
DEFINE_SHOW(
    show_member_description, value_add_text(out, row->member.description))
DEFINE_SHOW(show_revocation,
    value_add_text(out, row->member.revoked ? row->member.reason : "none"))

STORE(store_revocation)
{
	struct store_edit edit = text_edit(input, STORE_REVOCATION);
	int rc = input->again ? 0 : store_set(store, call, &row->object, &edit);

	return rc ? rc : 1;
}
