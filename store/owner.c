/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "store/base/clock.h"
#include "store/internal.h"

/*
 * Owners and modes. Every object has its own; its files follow it, and only what somebody has given
 * an owner or mode of its own has a row.
 */

struct chown {
	struct store_call *call;
	const struct store_object *object;
	const char *name;   /* of the file */
	uint64_t file, bit; /* 0: the directory itself */
	const struct store_owner *owner;
	int64_t key; /* the file stands below this one's directory; 0: below the object's own */
};

static int set_directory(struct db_conn *conn, const struct chown *c)
{
	return db_run(conn, object_kinds[c->object->kind]->chown,
		DB_ARGS(DB_INT(c->object->id), DB_INT(c->owner->uid), DB_INT(c->owner->gid),
			DB_INT(c->owner->mode)));
}

static int set_file(struct db_conn *conn, const struct chown *c)
{
	struct db_value file = DB_INT((int64_t)c->file), bit = DB_INT((int64_t)c->bit);
	int rc = c->owner ? db_run(conn, DB_FILE_OWNER_SET,
				    DB_ARGS(file, DB_INT(c->object->kind), DB_INT(c->object->id),
					    DB_INT(c->owner->uid), DB_INT(c->owner->gid),
					    DB_INT(c->owner->mode)))
			  : db_run(conn, DB_FILE_OWNER_DROP, DB_ARGS(file));

	if (rc < 0)
		return rc;
	return db_run(conn, object_kinds[c->object->kind]->owned,
		DB_ARGS(DB_INT(c->object->id), bit, c->owner ? bit : DB_INT(0)));
}

static int chown_job(struct db_conn *conn, void *arg)
{
	const struct chown *c = arg;
	union store_any now;
	char path[STORE_PATH], file[STORE_PATH + 32], value[64] = "follows";
	int rc = c->key ? object_get_writable(conn, c->call, STORE_KEY, c->key, &now) : 0;

	if (!rc)
		rc = object_get_writable(conn, c->call, c->object->kind, c->object->id, &now);
	if (!rc)
		rc = c->file ? set_file(conn, c) : set_directory(conn, c);
	if (rc < 0)
		return rc;
	store_path(&now.object, path);
	snprintf(file, sizeof(file), "%s%s%s", path, c->name && path[0] ? "/" : "",
		c->name ? c->name : "");
	if (c->owner)
		snprintf(value, sizeof(value), "%u:%u %04o", c->owner->uid, c->owner->gid,
			c->owner->mode);
	return audit_add(conn, c->call, clock_now(),
		&(struct audit){
			.action = "chown",
			.object = file,
			.name = "owner",
			.value = value,
		});
}

int store_chown(struct store *store, struct store_call *call, const struct store_object *object,
	const struct store_owner *owner)
{
	struct chown c = {call, object, NULL, 0, 0, owner, 0};

	return store_submit(store, call, chown_job, &c);
}

int store_chown_file(struct store *store, struct store_call *call,
	const struct store_object *object, int64_t key, const char *name, uint64_t file,
	uint64_t bit, const struct store_owner *owner)
{
	struct chown c = {call, object, name, file, bit, owner, key};

	return store_submit(store, call, chown_job, &c);
}

static int read_owner(const struct db_row *row, void *arg)
{
	struct store_owner *owner = arg;

	owner->uid = (uid_t)db_int(row, 0);
	owner->gid = (gid_t)db_int(row, 1);
	owner->mode = (mode_t)db_int(row, 2);
	return 1;
}

int store_file_owner(struct store *store, uint64_t file, struct store_owner *out)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(conn, DB_FILE_OWNER_GET, DB_ARGS(DB_INT((int64_t)file)), read_owner, out);

	return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
}

bool store_is_root_owner(struct store *store, uid_t uid)
{
	union store_any root;

	return uid == 0 ||
	       (!store_get(store, STORE_PLACE, STORE_ROOT, &root) && root.object.uid == uid);
}

int owner_drop_all(struct db_conn *conn, const struct store_object *object)
{
	if (!object->owned)
		return 0;
	int rc = db_run(
		conn, DB_FILE_OWNER_DROP_ALL, DB_ARGS(DB_INT(object->kind), DB_INT(object->id)));

	return rc < 0 ? rc : 0;
}
