/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/authority.h"
#include "store/objects/before.h"
#include "store/objects/former.h"
#include "store/objects/object.h"
#include "store/objects/owner.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/* Making, deleting, renaming and editing objects of every kind. */

struct change {
	struct store *store;
	struct store_call *call;
	const struct object_kind *kind;
	int64_t id; /* of the object */
	const struct store_make *make;
	const char *name; /* for rename */
	const struct store_edit *edit;
	union store_any *out; /* as read or made by the job */
};

static int illegal_name(
    struct store_call *call, const struct object_kind *kind, const char *name)
{
	if (strlen(name) > NAME_MAX_LEN)
		return store_refuse(call, -ENAMETOOLONG,
		    "a name has at most %d bytes", NAME_MAX_LEN);
	if (kind->reserved)
		return store_refuse(call, -EINVAL,
		    "a name has 1 to 64 of A-Z a-z 0-9 . _ -, begins with a letter or digit, and is not %s, %s or %s",
		    kind->reserved[0], kind->reserved[1], kind->reserved[2]);
	return store_refuse(call, -EINVAL,
	    "a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit");
}

static bool legal(const struct object_kind *kind, const char *name)
{
	for (const char *const *word = kind->reserved; word && *word; word++)
		if (strcmp(name, *word) == 0)
			return false;
	return name_legal(name, strlen(name));
}

/* Adds the reason to -EEXIST; returns other errors unchanged. */
static int taken(struct store_call *call, int rc, const char *name)
{
	return rc == -EEXIST
		   ? store_refuse(call, rc, "the name %s is taken", name)
		   : rc;
}

static int note(struct db_conn *conn, const struct change *c,
    const char *action, const struct store_object *o, const char *name,
    const char *value, int64_t now)
{
	char path[STORE_PATH];

	store_path(o, path);
	return audit_add(conn, c->call, now,
	    &(struct audit){
		.action = action, .object = path, .name = name, .value = value});
}

/* Ids are counted per kind: enum db_kind begins with the values of enum
 * store_kind. */
static int make_it(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct change *c = arg;
	struct store_make make = *c->make;

	make.id = db_new_id(batch, (enum db_kind)c->kind->number);
	make.now = batch->now;
	if (make.id > STORE_ID_MAX)
		return store_refuse(c->call, -ENOSPC, "all ids have been given");
	int rc = c->kind->make(conn, &make);
	if (rc)
		return taken(c->call, rc, make.name);
	rc = shown_made(conn, c->kind->number, make.id, make.now);
	if (!rc)
		rc = object_get(conn, c->kind->number, make.id, c->out);
	if (!rc)
		rc = object_touch_list(conn, &c->out->object, make.now);
	return rc ? rc
		  : note(conn, c, "mkdir", &c->out->object, NULL, NULL,
			make.now);
}

static const struct db_job make_job = {.record = make_it};

int store_make(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t parent, const struct store_owner *above,
    const char *name, mode_t mode, union store_any *out)
{
	const struct object_kind *k = store->kinds[kind];
	CLEANUP_PAIR struct new_pair pair = {0};
	struct store_make new = {
	    .store = store,
	    .call = call,
	    .parent = parent,
	    .name = name,
	    .mode = mode & above->mode & 0777,
	    .gid = above->gid,
	    .pair = &pair,
	};
	struct change c = {
	    .store = store, .call = call, .kind = k, .make = &new, .out = out};

	if (!k->make)
		return store_refuse(call, -EPERM, "nothing can be made here");
	if (!legal(k, name))
		return illegal_name(call, k, name);
	int rc = k->prepare ? k->prepare(&new, &pair) : 0;
	return rc ? rc : store_submit(store, call, &make_job, &c);
}

int object_remove(struct db_conn *conn, struct store_call *call,
    const struct object_kind *kind, const union store_any *object, int64_t now)
{
	const struct store_object *o = &object->object;
	int rc = kind->remove(conn, call, object, now);

	if (!rc)
		shown_removed(conn, o);
	if (!rc)
		rc = former_keep(conn, o);
	if (!rc)
		rc = owner_drop_all(conn, o);
	return rc ? rc : object_touch_list(conn, o, now);
}

static int remove_it(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct change *c = arg;
	int64_t now = batch->now;
	int rc = object_get_writable(
	    conn, c->call, c->kind->number, c->id, c->out);

	if (!rc)
		rc = object_remove(conn, c->call, c->kind, c->out, now);
	return rc ? rc
		  : note(conn, c, c->kind->removal ? c->kind->removal : "rmdir",
			&c->out->object, NULL, NULL, now);
}

static const struct db_job remove_job = {.record = remove_it};

int store_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id)
{
	union store_any object;
	struct change c = {.store = store,
	    .call = call,
	    .kind = store->kinds[kind],
	    .id = id,
	    .out = &object};

	if (!c.kind->remove)
		return store_refuse(call, -EPERM, "it cannot be deleted");
	int rc = store_submit(store, call, &remove_job, &c);
	if (!rc && kind == STORE_CERT)
		signer_forget(store, id);
	return rc;
}

int store_may_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id)
{
	struct db_conn *conn = db_reader(store->db);
	const struct object_kind *k = store->kinds[kind];
	union store_any object;

	if (!k->remove)
		return store_refuse(call, -EPERM, "it cannot be deleted");
	int rc = object_get_writable(conn, call, kind, id, &object);
	return rc || !k->may_remove ? rc : k->may_remove(conn, call, id);
}

static int rename_it(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct change *c = arg;
	int64_t now = batch->now;
	int rc = object_get_writable(
	    conn, c->call, c->kind->number, c->id, c->out);

	if (!rc && c->kind->may_rename)
		rc = c->kind->may_rename(conn, c->call, c->out, c->name);
	if (rc)
		return rc;
	rc = db_must_change(conn, c->kind->rename,
	    DB_ARGS(DB_INT(c->id), DB_TEXT(c->name), DB_INT(now),
		DB_INT(c->call->uid)),
	    -EEXIST);
	if (rc)
		return taken(c->call, rc, c->name);
	shown_removed(conn, &c->out->object);
	rc = shown_edited(conn, &c->out->object, true, now);
	if (!rc)
		rc = former_keep(conn, &c->out->object);
	if (!rc)
		rc = object_touch_list(conn, &c->out->object, now);
	return rc ? rc
		  : note(conn, c, "rename", &c->out->object, "to", c->name, now);
}

static const struct db_job rename_job = {.record = rename_it};

int store_rename(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id, const char *name)
{
	union store_any object;
	struct change c = {.store = store,
	    .call = call,
	    .kind = store->kinds[kind],
	    .id = id,
	    .name = name,
	    .out = &object};

	if (!c.kind->rename)
		return store_refuse(call, -EPERM, "it cannot be renamed");
	if (!legal(c.kind, name))
		return illegal_name(call, c.kind, name);
	return store_submit(store, call, &rename_job, &c);
}

/* --- editing --- */

/* The value to store, and its text for the audit trail. */
struct new_value {
	struct db_value value;
	const char *text;
	char number[24];
};

static int resolve(struct db_conn *conn, const struct change *c,
    const struct object_field *field, int64_t now, struct new_value *out)
{
	struct field_edit e = {conn, c->call, c->out, c->edit, now};
	int64_t number = c->edit->number;
	int rc = field->resolve ? field->resolve(&e, &number) : 0;

	bool none = field->none_word && number == field->none;

	out->value = none			 ? DB_NIL
		     : field->type == FIELD_TEXT ? DB_TEXT(c->edit->text)
						 : DB_INT(number);
	if (field->type == FIELD_ELSEWHERE)
		out->value = (struct db_value){.type = DB_END};
	out->text = none	    ? field->none_word
		    : c->edit->text ? c->edit->text
				    : out->number;
	if (field->type == FIELD_TIME && !none)
		clock_text(number, out->number);
	else
		snprintf(out->number, sizeof(out->number), "%" PRId64, number);
	return rc;
}

static int note_edit(struct db_conn *conn, const struct change *c,
    const char *field, const char *value, int64_t now)
{
	char object[STORE_PATH], path[STORE_PATH + 32];

	store_path(&c->out->object, object);
	snprintf(path, sizeof(path), "%s/%s", object, field);
	return audit_add(conn, c->call, now,
	    &(struct audit){.action = "set",
		.object = path,
		.name = "value",
		.value = value});
}

static int set_field(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct change *c = arg;
	const struct store_edit *edit = c->edit;
	const struct object_field *field = &c->kind->field[edit->field];
	struct new_value new;
	int64_t now = batch->now;
	int rc = field->unlocks
		     ? object_get(conn, c->kind->number, c->id, c->out)
		     : object_get_writable(
			   conn, c->call, c->kind->number, c->id, c->out);

	if (!rc)
		rc = before_check(conn, c->store, edit, &c->out->object);
	if (!rc)
		rc = resolve(conn, c, field, now, &new);
	if (!rc)
		rc = shown_edited(
		    conn, &c->out->object, field->shown_by_others, now);
	if (!rc)
		rc = db_change(conn, field->set,
		    DB_ARGS(DB_INT(c->id), DB_INT((int64_t)edit->bit),
			DB_INT(edit->bare ? (int64_t)edit->bit : 0),
			DB_INT(now), DB_INT(c->call->uid), new.value));
	if (rc)
		return rc;
	before_note(c->store, edit, c->out);
	return note_edit(conn, c, field->name, new.text, now);
}

static const struct db_job set_job = {.record = set_field};

int store_set(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit)
{
	union store_any now;
	const struct object_kind *kind = store->kinds[object->kind];
	struct change c = {.store = store,
	    .call = call,
	    .kind = kind,
	    .id = object->id,
	    .edit = edit,
	    .out = &now};

	if (!kind->field[edit->field].set)
		return store_refuse(call, -EINVAL, "there is no such value");
	int rc = store_submit(store, call, &set_job, &c);
	if (!rc && kind->field[edit->field].signs)
		signer_forget(store, object->id);
	return rc;
}

static bool is_text(const struct object_field *field)
{
	return field->type == FIELD_TEXT || field->type == FIELD_CERT;
}

int store_put_back(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_before *before)
{
	const struct object_field *field = &store->kinds[object->kind]
						->field[before->field];
	struct store_edit edit = {
	    .field = before->field,
	    .text = is_text(field) ? before->text : NULL,
	    .number = before->number,
	    .bit = before->bit,
	    .bare = before->bare,
	    .before = before,
	    .put_back = true,
	};

	if (!before->known)
		return -ECANCELED;
	int rc = field->edit ? field->edit(store, call, object, &edit)
			     : store_set(store, call, object, &edit);
	if (!rc)
		before->known = false;
	return rc;
}
