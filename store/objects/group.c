/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/base/clock.h"
#include "store/db/db.h"
#include "store/lists/notice.h"
#include "store/objects/kind.h"
#include "store/objects/limit.h"
#include "store/objects/order.h"
#include "store/objects/signer.h"
#include "store/store.h"

/* App Connector groups and Private Service Edge groups. */

static void read_group(const struct db_row *row, union store_any *out)
{
	struct store_group *g = &out->group;

	g->object.place = (int)db_int(row, DB_GROUP_PLACE);
	g->object.parent = g->object.place;
	db_text(
	    row, DB_GROUP_DESCRIPTION, g->description, sizeof(g->description));
	g->enabled = db_int(row, DB_GROUP_ENABLED);
	g->approval = db_int(row, DB_GROUP_APPROVAL);
	db_text(
	    row, DB_GROUP_CERT_NAME, g->signing_cert, sizeof(g->signing_cert));
	db_text(row, DB_GROUP_STOP_REASON, g->order.reason,
	    sizeof(g->order.reason));
	g->order.unfinished = db_int(row, DB_GROUP_STOP_LAST) > 0;
	g->expire_after = db_int(row, DB_GROUP_EXPIRE_AFTER);
	g->keys_changed = db_int(row, DB_GROUP_KEYS_AT);
	g->members_changed = db_int(row, DB_GROUP_MEMBERS_AT);
}

static int make_group(struct db_conn *conn, const struct store_make *make)
{
	const char *signs = make->parent == STORE_APP_CONNECTOR
				? "connector"
				: "service_edge";
	int64_t cert;
	int rc = db_one(conn, DB_CERT_NAMED, DB_ARGS(DB_TEXT(signs)),
	    db_read_int, &cert, -ENOENT);

	if (rc == -ENOENT)
		return store_refuse(make->call, -ENOENT,
		    "a group here begins with the signing certificate certs/%s, and there is none of that name",
		    signs);
	return rc ? rc
		  : db_must_change(conn, DB_GROUP_ADD,
			DB_ARGS(DB_INT(make->id), DB_INT(make->parent),
			    DB_TEXT(make->name), DB_INT(make->call->uid),
			    DB_INT(make->gid), DB_INT(make->mode),
			    DB_INT(make->now), DB_INT(cert)),
			-EEXIST);
}

static int remove_group(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	int rc = order_check_remove(call, object);

	if (rc)
		return rc;
	rc = db_must_change(conn, DB_GROUP_REMOVE,
	    DB_ARGS(DB_INT(object->object.id), DB_INT(now)), -ENOTEMPTY);
	return rc == -ENOTEMPTY
		   ? store_refuse(call, rc, "the group has keys or members")
		   : rc;
}

static int set_expiry(const struct field_edit *e, int64_t *seconds)
{
	(void)seconds;
	notice_expiry(e->conn);
	return 0;
}

const struct object_kind store_group_kind = {
    .number = STORE_GROUP,
    .get = DB_GROUP_GET,
    .find = DB_GROUP_FIND,
    .each = DB_GROUP_EACH,
    .rename = DB_GROUP_RENAME,
    .chown = DB_GROUP_CHOWN,
    .owned = DB_GROUP_OWNED,
    .by_parent = true,
    .read = read_group,
    .make = make_group,
    .remove = remove_group,
    .may_remove = order_may_remove_group,
    .field =
	{
	    [STORE_DESCRIPTION] = {.name = "description",
		.set = DB_GROUP_SET_DESCRIPTION,
		.type = FIELD_TEXT,
		.at = offsetof(union store_any, group.description)},
	    [STORE_ENABLED] = {.name = "enabled",
		.set = DB_GROUP_SET_ENABLED,
		.type = FIELD_BOOL,
		.at = offsetof(union store_any, group.enabled),
		.resolve = order_resolve_enabled,
		.shown_by_others = true},
	    [STORE_REVOCATION] = {.name = "revocation",
		.set = DB_GROUP_SET_NOTHING,
		.type = FIELD_ELSEWHERE,
		.resolve = order_resolve,
		.unlocks = true,
		.shown_by_others = true},
	    [STORE_EXPIRE_AFTER] = {.name = "expire_after",
		.set = DB_GROUP_SET_EXPIRE_AFTER,
		.type = FIELD_NUMBER,
		.at = offsetof(union store_any, group.expire_after),
		.resolve = set_expiry},
	    [STORE_APPROVAL] = {.name = "approval",
		.set = DB_GROUP_SET_APPROVAL,
		.type = FIELD_BOOL,
		.at = offsetof(union store_any, group.approval)},
	    [STORE_SIGNING_CERT] = {.name = "signing_cert",
		.set = DB_GROUP_SET_SIGNING_CERT,
		.type = FIELD_CERT,
		.at = offsetof(union store_any, group.signing_cert),
		.resolve = signer_resolve},
	    LIMIT_FIELDS(GROUP),
	},
};
