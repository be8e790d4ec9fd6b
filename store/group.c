/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/internal.h"

/* App Connector groups and Private Service Edge groups. */

static void read_group(const struct db_row *row, union store_any *out)
{
	struct store_group *g = &out->group;

	g->object.place = (int)db_int(row, DB_GROUP_PLACE);
	g->object.parent = g->object.place;
	db_text(
	    row, DB_GROUP_DESCRIPTION, g->description, sizeof(g->description));
	g->enabled = db_int(row, DB_GROUP_ENABLED);
	db_text(
	    row, DB_GROUP_CERT_NAME, g->signing_cert, sizeof(g->signing_cert));
	g->keys_changed = db_int(row, DB_GROUP_KEYS_AT);
	g->members_changed = db_int(row, DB_GROUP_MEMBERS_AT);
}

static int64_t make_group(struct db_conn *conn, const struct store_make *make)
{
	const char *signs = make->parent == STORE_APP_CONNECTOR
				? "connector"
				: "service_edge";
	int64_t cert;
	int rc = db_each(conn, DB_CERT_NAMED, DB_ARGS(DB_TEXT(signs)),
	    read_first_int, &cert);
	if (rc == 0)
		return store_refuse(make->call, -ENOENT,
		    "a group here begins with the signing certificate certs/%s, and there is none of that name",
		    signs);
	if (rc > 0)
		rc = db_run(conn, DB_GROUP_ADD,
		    DB_ARGS(DB_INT(make->parent), DB_TEXT(make->name),
			DB_INT(make->call->uid), DB_INT(make->gid),
			DB_INT(make->mode), DB_INT(make->now), DB_INT(cert)));
	return rc < 0 ? rc : db_inserted(conn);
}

static int remove_group(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	int rc = db_run(conn, DB_GROUP_REMOVE,
	    DB_ARGS(DB_INT(object->object.id), DB_INT(now)));

	if (rc == 0)
		return store_refuse(
		    call, -ENOTEMPTY, "the group has keys or members");
	return rc < 0 ? rc : 0;
}

static bool group_value(const union store_any *object, enum store_field field,
    struct store_before *out)
{
	const struct store_group *g = &object->group;

	switch (field) {
	case STORE_DESCRIPTION:
		return before_text(out, g->description);
	case STORE_ENABLED:
		return before_number(out, g->enabled);
	case STORE_SIGNING_CERT:
		return before_text(out, g->signing_cert);
	default:
		return false;
	}
}

const struct object_kind store_group_kind = {
    .get = DB_GROUP_GET,
    .find = DB_GROUP_FIND,
    .each = DB_GROUP_EACH,
    .rename = DB_GROUP_RENAME,
    .chown = DB_GROUP_CHOWN,
    .owned = DB_GROUP_OWNED,
    .shows = DB_GROUP_SHOWS,
    .by_parent = true,
    .read = read_group,
    .make = make_group,
    .remove = remove_group,
    .value = group_value,
    .set =
	{
	    [STORE_DESCRIPTION] = DB_GROUP_SET_DESCRIPTION,
	    [STORE_ENABLED] = DB_GROUP_SET_ENABLED,
	    [STORE_SIGNING_CERT] = DB_GROUP_SET_SIGNING_CERT,
	},
};
