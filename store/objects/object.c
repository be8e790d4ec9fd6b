/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"

/* Reading objects of every kind. */

static const struct object_kind *kind_of(
    const struct store *store, enum store_kind kind)
{
	return store->kinds[kind];
}

static void read_common(
    const struct db_row *row, enum store_kind kind, union store_any *out)
{
	struct store_object *o = &out->object;

	memset(out, 0, sizeof(*out));
	o->kind = kind;
	o->id = db_int(row, DB_OBJECT_ID);
	db_text(row, DB_OBJECT_NAME, o->name, sizeof(o->name));
	o->uid = (uid_t)db_int(row, DB_OBJECT_UID);
	o->gid = (gid_t)db_int(row, DB_OBJECT_GID);
	o->mode = (mode_t)db_int(row, DB_OBJECT_MODE);
	o->bare = (uint64_t)db_int(row, DB_OBJECT_BARE);
	o->owned = (uint64_t)db_int(row, DB_OBJECT_OWNED);
	o->created = db_int(row, DB_OBJECT_CREATED);
	o->modified = db_int(row, DB_OBJECT_MODIFIED);
	o->modified_by = (uid_t)db_int(row, DB_OBJECT_MODIFIED_BY);
	o->edited = db_int(row, DB_OBJECT_EDITED);
	o->made = db_int(row, DB_OBJECT_MADE);
	o->changed = db_int(row, DB_OBJECT_CHANGED);
	o->ctime = db_int(row, DB_OBJECT_CTIME);
}

void object_read(const struct db_row *row, const struct object_kind *kind,
    union store_any *out)
{
	read_common(row, kind->number, out);
	kind->read(row, out);
}

struct wanted {
	const struct object_kind *kind;
	union store_any *out;
};

static int read_wanted(const struct db_row *row, void *arg)
{
	const struct wanted *wanted = arg;

	object_read(row, wanted->kind, wanted->out);
	return 1;
}

static int get(const struct store *store, struct db_conn *conn,
    enum store_kind kind, int64_t id, union store_any *out)
{
	struct wanted wanted = {kind_of(store, kind), out};

	return db_one(conn, wanted.kind->get, DB_ARGS(DB_INT(id)), read_wanted,
	    &wanted, -ESTALE);
}

int object_get(struct db_conn *conn, enum store_kind kind, int64_t id,
    union store_any *out)
{
	return get(db_context(conn), conn, kind, id, out);
}

int store_get(
    struct store *store, enum store_kind kind, int64_t id, union store_any *out)
{
	return get(store, db_reader(store->db), kind, id, out);
}

/* A name as a number; 0, which is no id, if it is longer than any id. */
static int64_t number_of(const char *name)
{
	return strlen(name) < 16 ? strtoll(name, NULL, 10) : 0;
}

int store_find(struct store *store, enum store_kind kind, int64_t parent,
    const char *name, union store_any *out)
{
	struct wanted wanted = {kind_of(store, kind), out};
	struct db_value key = wanted.kind->numbered ? DB_INT(number_of(name))
						    : DB_TEXT(name);
	const struct db_value *args = wanted.kind->by_parent
					  ? DB_ARGS(DB_INT(parent), key)
					  : DB_ARGS(key);

	int rc = db_one(db_reader(store->db), wanted.kind->find, args,
	    read_wanted, &wanted, -ENOENT);

	/* a segment is found by its number, which 1 and 00000001 both are */
	return rc || strcmp(out->object.name, name) == 0 ? rc : -ENOENT;
}

static int read_counts(const struct db_row *row, void *arg)
{
	*(struct store_counts *)arg = (struct store_counts){
	    .of = {[STORE_CERT] = db_int(row, 0),
		[STORE_GROUP] = db_int(row, 1),
		[STORE_KEY] = db_int(row, 2),
		[STORE_MEMBER] = db_int(row, 4),
		[STORE_SEGMENT] = db_int(row, 6)},
	    .exportable = db_int(row, 3),
	    .dropped = db_int(row, 5),
	};
	return 1;
}

int store_count(struct store *store, struct store_counts *out)
{
	return db_each(db_reader(store->db), DB_COUNTS, NULL, read_counts, out);
}

struct each {
	const struct object_kind *kind;
	store_each_fn fn;
	void *arg;
	bool brief; /* the row has the common columns only */
};

static int read_each(const struct db_row *row, void *arg)
{
	const struct each *each = arg;
	union store_any object;

	if (each->brief)
		read_common(row, each->kind->number, &object);
	else
		object_read(row, each->kind, &object);
	return each->fn(&object, each->arg);
}

int store_each(struct store *store, enum store_kind kind, int64_t parent,
    int64_t after, store_each_fn fn, void *arg)
{
	const struct object_kind *k = kind_of(store, kind);
	struct each each = {k, fn, arg, k->brief};
	const struct db_value *args = k->by_parent ? DB_ARGS(DB_INT(parent),
							 DB_INT(after))
						   : DB_ARGS(DB_INT(after));

	return db_each(db_reader(store->db), k->each, args, read_each, &each);
}

int store_each_all(
    struct store *store, enum store_kind kind, store_each_fn fn, void *arg)
{
	struct each each = {kind_of(store, kind), fn, arg, false};

	return db_each(
	    db_reader(store->db), each.kind->all, NULL, read_each, &each);
}

int store_each_enrolled(struct store *store, int64_t key, int64_t after,
    store_each_fn fn, void *arg)
{
	struct each each = {kind_of(store, STORE_MEMBER), fn, arg, false};

	return db_each(db_reader(store->db), DB_MEMBER_EACH_OF_KEY,
	    DB_ARGS(DB_INT(key), DB_INT(after)), read_each, &each);
}

/* --- for jobs --- */

int object_get_writable(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id, union store_any *out)
{
	int rc = object_get(conn, kind, id, out);

	if (!rc && out->object.managed)
		return store_refuse(call, -EPERM,
		    "it is managed: read-only until managed is 0");
	return rc;
}

int object_touch_list(
    struct db_conn *conn, const struct store_object *o, int64_t now)
{
	enum db_query query = o->kind == STORE_KEY ? DB_GROUP_KEYS_CHANGED
			      : o->kind == STORE_MEMBER
				  ? DB_GROUP_MEMBERS_CHANGED
				  : DB_PLACE_CHANGED;
	/* a member's counts as long as it is there, see DB_GROUP_MEMBERS_AT */
	int64_t at = o->kind == STORE_MEMBER && o->created > now ? o->created
								 : now;

	return db_change(conn, query, DB_ARGS(DB_INT(o->parent), DB_INT(at)));
}

int store_submit(struct store *store, struct store_call *call,
    const struct db_job *job, void *arg)
{
	store_identify(call);
	int rc = db_submit(store->db, job, arg);

	if (rc == -ETIMEDOUT)
		return store_refuse(call, -EIO,
		    "the server has not answered: it is not known whether this was stored; look again");
	/* The job's reason no longer holds if its commit failed. */
	if (rc == -EIO)
		store_refuse(call, rc,
		    "the store failed, and nothing has changed: see the messages");
	if (rc == -ENOSPC)
		store_refuse(
		    call, rc, "the store's disk is full; nothing has changed");
	if (rc == -EBUSY && !call->reason[0])
		store_refuse(call, rc,
		    "the store is locked by another program, or its disk does not answer; nothing has changed");
	if (rc == -ENOMEM)
		store_refuse(call, rc, "out of memory; nothing has changed");
	return rc;
}
