/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

/* Files that take requests and answer with certificates. */

static int enroll(struct store *store, struct store_call *call, int64_t key, const char *member,
	const void *data, size_t len, struct bytes *reply)
{
	if (!store_request_complete(!key, data, len))
		return 1;
	return store_enroll(store, call, key, member, data, len, reply);
}

TAKE(take_enroll)
{
	(void)row;
	(void)member;
	return enroll(store, call, 0, NULL, data, len, reply);
}

TAKE(take_key_enroll)
{
	(void)member;
	return enroll(store, call, row->object.id, NULL, data, len, reply);
}

/* The row is the key that a new file is dropped at, or the member whose file is there already. */
TAKE(take_drop)
{
	bool again = row->object.kind == STORE_MEMBER;

	return enroll(store, call, again ? row->member.key : row->object.id,
		again ? row->object.name : member, data, len, reply);
}
