/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

int show_member_serial(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->member.serial);
}

int show_member_not_before(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_time(out, row->member.not_before);
}

int show_member_not_after(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_time(out, row->member.not_after);
}

int show_provisioning_key(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->member.provisioning_key);
}

int show_member_signing_cert(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->member.signing_cert);
}

int show_member_state(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, store_state_name(store_member_state(&row->member)));
}

int show_enrolled(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_moment(out, row->member.enrolled);
}

int show_enrolled_by(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->member.enrolled_by);
}

int show_member_description(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->member.description);
}
