/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/kind.h"
#include "store/store.h"

/* The fixed directories: made with the store; never listed, deleted or
 * renamed. */
static void read_place(const struct db_row *row, union store_any *out)
{
	(void)row;
	out->object.place = (int)out->object.id;
}

const struct object_kind store_place_kind = {
    .number = STORE_PLACE,
    .get = DB_PLACE_GET,
    .chown = DB_PLACE_CHOWN,
    .owned = DB_PLACE_OWNED,
    .read = read_place,
};

const struct object_kind *const object_kinds[STORE_KINDS] = {
    [STORE_PLACE] = &store_place_kind,
    [STORE_CERT] = &store_cert_kind,
    [STORE_GROUP] = &store_group_kind,
    [STORE_KEY] = &store_key_kind,
    [STORE_MEMBER] = &store_member_kind,
    [STORE_SEGMENT] = &store_segment_kind,
    [STORE_PENDING_REQUEST] = &store_pending_kind,
};
