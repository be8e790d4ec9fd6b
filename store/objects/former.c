/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/former.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/objects/path.h"

static const struct db_value *values(
    const struct former *f, struct db_value out[5])
{
	out[0] = DB_INT(f->kind);
	out[1] = DB_INT(f->parent);
	out[2] = DB_TEXT(f->name);
	out[3] = DB_INT(f->id);
	out[4] = (struct db_value){.type = DB_END};
	return out;
}

int former_add(struct db_conn *conn, const struct former *former, void *arg)
{
	struct db_value value[5];

	(void)arg;
	return db_change(conn, DB_FORMER_ADD, values(former, value));
}

int former_has(struct db_conn *conn, const struct former *former)
{
	struct db_value value[5];

	return db_exists(conn, DB_FORMER_GET, values(former, value));
}

int former_keep(struct db_conn *conn, const struct store_object *before)
{
	struct former former = {
	    .kind = before->kind, .parent = before->parent, .id = before->id};
	enum db_query needed = before->kind == STORE_GROUP
				   ? DB_GROUP_HAD_MEMBERS
				   : DB_MEMBER_UNREVOKED;

	if (before->kind != STORE_GROUP && before->kind != STORE_MEMBER)
		return 0;
	memcpy(former.name, before->name, sizeof(former.name));
	int rc = db_exists(conn, needed, DB_ARGS(DB_INT(before->id)));
	return rc <= 0 ? rc : former_add(conn, &former, NULL);
}

/* --- all that have to be kept --- */

struct each {
	struct db_conn *conn;
	former_fn fn;
	void *arg;
	const struct db_row *row; /* columns of DB_FORMER_NAMES */
};

/* name: on a certificate. now: the column of the object's present name, NULL if
 * it is deleted. */
static int call(
    const struct each *each, struct former *former, const char *name, int now)
{
	char present[NAME_MAX_LEN + 1];

	db_text(each->row, now, present, sizeof(present));
	former->issued = db_int(each->row, 0);
	snprintf(former->name, sizeof(former->name), "%s", name);
	return strcmp(present, name) == 0
		   ? 0
		   : each->fn(each->conn, former, each->arg);
}

static int read_names(const struct db_row *row, void *arg)
{
	struct each *each = arg;
	struct issued_names names;
	char text[STORE_PATH];
	struct former group = {.kind = STORE_GROUP,
			  .parent = db_int(row, 3),
			  .id = db_int(row, 2)},
		      member = {.kind = STORE_MEMBER,
			  .parent = group.id,
			  .id = db_int(row, 5)};

	db_text(row, 1, text, sizeof(text));
	if (issued_names(text, &names))
		return 0; /* damaged: nobody can ask for that name */
	each->row = row;
	int rc = call(each, &group, names.group, 4);
	return rc ? rc : call(each, &member, names.member, 6);
}

int former_each(struct db_conn *conn, former_fn fn, void *arg)
{
	struct each each = {conn, fn, arg, NULL};

	return db_each(conn, DB_FORMER_NAMES, NULL, read_names, &each);
}
