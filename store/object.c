/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/process.h"
#include "store/internal.h"

/* What is the same for every kind of object; the differences are data in struct
 * object_kind. */

const struct object_kind *const object_kinds[STORE_KINDS] = {
    [STORE_PLACE] = &store_place_kind,
    [STORE_CERT] = &store_cert_kind,
    [STORE_GROUP] = &store_group_kind,
    [STORE_KEY] = &store_key_kind,
    [STORE_MEMBER] = &store_member_kind,
    [STORE_SEGMENT] = &store_segment_kind,
};

void store_identify(struct store_call *call)
{
	if (!call->comm[0] && call->pid > 0)
		process_command(call->pid, call->comm, sizeof(call->comm));
}

/* The fixed directories: made with the store, never listed, removed or
 * renamed. */
static void read_place(const struct db_row *row, union store_any *out)
{
	(void)row;
	out->object.place = (int)out->object.id;
}

const struct object_kind store_place_kind = {
    .get = DB_PLACE_GET,
    .chown = DB_PLACE_CHOWN,
    .owned = DB_PLACE_OWNED,
    .read = read_place,
};

int store_refuse(struct store_call *call, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->reason, sizeof(call->reason), format, args);
	va_end(args);
	return error;
}

const char *store_place_name(int place)
{
	static const char *const name[STORE_PLACES] = {
	    [STORE_ROOT] = "",
	    [STORE_APP_CONNECTOR] = "app_connector",
	    [STORE_SERVICE_EDGE] = "service_edge",
	    [STORE_CERTS] = "certs",
	};

	return name[place];
}

void store_path(const struct store_object *o, char out[STORE_PATH])
{
	const char *place = store_place_name(o->place);

	if (o->kind == STORE_PLACE)
		snprintf(out, STORE_PATH, "%s", place);
	else if (o->kind == STORE_KEY)
		snprintf(out, STORE_PATH, "%s/%s/keys/%s", place, o->group_name,
		    o->name);
	else if (o->kind == STORE_MEMBER)
		snprintf(out, STORE_PATH, "%s/%s/members/%s", place,
		    o->group_name, o->name);
	else
		snprintf(out, STORE_PATH, "%s/%s", place, o->name);
}

/* --- reading --- */

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

static void read_object(
    const struct db_row *row, enum store_kind kind, union store_any *out)
{
	read_common(row, kind, out);
	object_kinds[kind]->read(row, out);
}

struct one {
	enum store_kind kind;
	union store_any *out;
};

static int read_one(const struct db_row *row, void *arg)
{
	const struct one *one = arg;

	read_object(row, one->kind, one->out);
	return 1;
}

int read_first_int(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return 1;
}

int object_get(struct db_conn *conn, enum store_kind kind, int64_t id,
    union store_any *out)
{
	int rc = db_each(conn, object_kinds[kind]->get, DB_ARGS(DB_INT(id)),
	    read_one, &(struct one){kind, out});

	return rc < 0 ? rc : rc == 0 ? -ESTALE : 0;
}

int store_get(
    struct store *store, enum store_kind kind, int64_t id, union store_any *out)
{
	struct db_conn *conn = db_reader(store->db);

	return object_get(conn, kind, id, out);
}

int store_find(struct store *store, enum store_kind kind, int64_t parent,
    const char *name, union store_any *out)
{
	struct db_conn *conn = db_reader(store->db);
	const struct object_kind *k = object_kinds[kind];
	struct one one = {kind, out};

	int rc = k->by_parent ? db_each(conn, k->find,
				    DB_ARGS(DB_INT(parent), DB_TEXT(name)),
				    read_one, &one)
			      : db_each(conn, k->find, DB_ARGS(DB_TEXT(name)),
				    read_one, &one);
	return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
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
	int rc = db_each(
	    db_reader(store->db), DB_COUNTS, NULL, read_counts, out);

	return rc < 0 ? rc : 0;
}

struct each {
	enum store_kind kind;
	store_each_fn fn;
	void *arg;
	bool brief; /* the row has only what all objects have */
};

static int read_each(const struct db_row *row, void *arg)
{
	const struct each *each = arg;
	union store_any object;

	if (each->brief)
		read_common(row, each->kind, &object);
	else
		read_object(row, each->kind, &object);
	return each->fn(&object, each->arg);
}

int store_each(struct store *store, enum store_kind kind, int64_t parent,
    int64_t after, store_each_fn fn, void *arg)
{
	struct db_conn *conn = db_reader(store->db);
	const struct object_kind *k = object_kinds[kind];
	struct each each = {kind, fn, arg, k->brief};

	int rc = k->by_parent ? db_each(conn, k->each,
				    DB_ARGS(DB_INT(parent), DB_INT(after)),
				    read_each, &each)
			      : db_each(conn, k->each, DB_ARGS(DB_INT(after)),
				    read_each, &each);
	return rc < 0 ? rc : 0;
}

int store_each_all(
    struct store *store, enum store_kind kind, store_each_fn fn, void *arg)
{
	struct db_conn *conn = db_reader(store->db);
	struct each each = {kind, fn, arg, false};

	int rc = db_each(conn, object_kinds[kind]->all, NULL, read_each, &each);
	return rc < 0 ? rc : 0;
}

int store_each_enrolled(struct store *store, int64_t key, int64_t after,
    store_each_fn fn, void *arg)
{
	struct db_conn *conn = db_reader(store->db);
	struct each each = {STORE_MEMBER, fn, arg, false};

	int rc = db_each(conn, DB_MEMBER_EACH_OF_KEY,
	    DB_ARGS(DB_INT(key), DB_INT(after)), read_each, &each);
	return rc < 0 ? rc : 0;
}

/* --- changing --- */

int store_submit(
    struct store *store, struct store_call *call, db_job_fn fn, void *arg)
{
	store_identify(call);
	int rc = db_submit(store->db, fn, arg);

	/* What a job said before its commit failed is no longer the reason. */
	if (rc == -EIO || rc == -ENOSPC)
		store_refuse(call, rc,
		    "the store failed, and nothing has changed: see the messages");
	if (rc == -EBUSY && !call->reason[0])
		store_refuse(call, rc,
		    "the store is locked by another program, or its disk does not answer; nothing has changed");
	if (rc == -ENOMEM)
		store_refuse(call, rc, "out of memory; nothing has changed");
	return rc;
}

int object_touch_list(
    struct db_conn *conn, const struct store_object *o, int64_t now)
{
	enum db_query query = o->kind == STORE_KEY ? DB_GROUP_KEYS_CHANGED
			      : o->kind == STORE_MEMBER
				  ? DB_GROUP_MEMBERS_CHANGED
				  : DB_PLACE_CHANGED;
	int rc = db_run(conn, query, DB_ARGS(DB_INT(o->parent), DB_INT(now)));

	return rc < 0 ? rc : 0;
}

int object_get_writable(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id, union store_any *out)
{
	int rc = object_get(conn, kind, id, out);

	if (!rc && out->object.managed)
		return store_refuse(call, -EPERM,
		    "it is managed: read-only until managed is 0");
	return rc;
}

struct change {
	struct store *store;
	struct store_call *call;
	enum store_kind kind;
	int64_t id;	  /* of the object; of the parent for make */
	const char *name; /* for make and rename */
	mode_t mode;
	union store_any *out;
	const struct store_edit *edit;
	gid_t gid; /* for make */
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

/* A name that is taken; other errors go by. */
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

static int make_job(struct db_conn *conn, void *arg)
{
	struct change *c = arg;
	struct store_make make = {
	    .store = c->store,
	    .call = c->call,
	    .parent = c->id,
	    .name = c->name,
	    .mode = c->mode,
	    .gid = c->gid,
	    .now = clock_now(),
	};
	int64_t id = object_kinds[c->kind]->make(conn, &make);

	if (id < 0)
		return taken(c->call, (int)id, c->name);
	if (id > STORE_ID_MAX)
		return store_refuse(c->call, -ENOSPC, "all ids have been given");
	int rc = shown_made(conn, c->kind, id, make.now);
	if (!rc)
		rc = object_get(conn, c->kind, id, c->out);
	if (!rc)
		rc = object_touch_list(conn, &c->out->object, make.now);
	return rc ? rc
		  : note(conn, c, "mkdir", &c->out->object, NULL, NULL,
			make.now);
}

int store_make(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t parent, const struct store_owner *above,
    const char *name, mode_t mode, union store_any *out)
{
	struct change c = {store, call, kind, parent, name,
	    mode & above->mode & 0777, out, NULL, above->gid};

	if (!object_kinds[kind]->make)
		return store_refuse(call, -EPERM, "nothing can be made here");
	if (!legal(object_kinds[kind], name))
		return illegal_name(call, object_kinds[kind], name);
	return store_submit(store, call, make_job, &c);
}

static int remove_job(struct db_conn *conn, void *arg)
{
	struct change *c = arg;
	int64_t now = clock_now();
	int rc = object_get_writable(conn, c->call, c->kind, c->id, c->out);

	if (!rc)
		rc = object_kinds[c->kind]->remove(conn, c->call, c->out, now);
	if (!rc)
		shown_removed(conn, &c->out->object);
	if (!rc)
		rc = owner_drop_all(conn, &c->out->object);
	if (!rc)
		rc = object_touch_list(conn, &c->out->object, now);
	return rc ? rc
		  : note(conn, c, "rmdir", &c->out->object, NULL, NULL, now);
}

int store_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id)
{
	union store_any object;
	struct change c = {store, call, kind, id, NULL, 0, &object, NULL, 0};
	if (!object_kinds[kind]->remove)
		return store_refuse(call, -EPERM, "it cannot be deleted");
	int rc = store_submit(store, call, remove_job, &c);
	if (!rc && kind == STORE_CERT)
		signer_forget(store, id);
	return rc;
}

int store_may_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id)
{
	struct db_conn *conn = db_reader(store->db);
	const struct object_kind *k = object_kinds[kind];
	union store_any object;

	if (!k->remove)
		return store_refuse(call, -EPERM, "it cannot be deleted");
	int rc = object_get_writable(conn, call, kind, id, &object);
	return rc || !k->may_remove ? rc : k->may_remove(conn, call, id);
}

static int rename_job(struct db_conn *conn, void *arg)
{
	struct change *c = arg;
	int64_t now = clock_now();
	int rc = object_get_writable(conn, c->call, c->kind, c->id, c->out);

	if (rc)
		return rc;
	rc = db_run(conn, object_kinds[c->kind]->rename,
	    DB_ARGS(DB_INT(c->id), DB_TEXT(c->name), DB_INT(now),
		DB_INT(c->call->uid)));
	if (rc < 0)
		return taken(c->call, rc, c->name);
	shown_removed(conn, &c->out->object);
	rc = shown_edited(conn, &c->out->object, true, now);
	if (!rc)
		rc = object_touch_list(conn, &c->out->object, now);
	return rc ? rc
		  : note(conn, c, "rename", &c->out->object, "to", c->name, now);
}

int store_rename(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id, const char *name)
{
	union store_any object;
	struct change c = {store, call, kind, id, name, 0, &object, NULL, 0};

	if (!object_kinds[kind]->rename)
		return store_refuse(call, -EPERM, "it cannot be renamed");
	if (!legal(object_kinds[kind], name))
		return illegal_name(call, object_kinds[kind], name);
	return store_submit(store, call, rename_job, &c);
}

/* --- editing --- */

static const char *const field_name[STORE_FIELDS] = {
    [STORE_DESCRIPTION] = "description",
    [STORE_ENABLED] = "enabled",
    [STORE_SIGNING_CERT] = "signing_cert",
    [STORE_MAX_USES] = "max_uses",
    [STORE_EXPIRES] = "expires",
    [STORE_EXPORTABLE] = "exportable",
    [STORE_REVOCATION] = "revocation",
    [STORE_VALIDITY_DAYS] = "validity_days",
    [STORE_CA_VALIDITY_DAYS] = "ca_validity_days",
    [STORE_CRL_DAYS] = "crl_days",
    [STORE_MANAGED] = "managed",
};

/* The id of the signing certificate that is named. */
static int resolve_cert(struct db_conn *conn, struct store_call *call,
    const struct store_edit *edit, int64_t *id)
{
	const char *name = edit->text;
	enum db_query query = edit->put_back ? DB_CERT_NAMED : DB_CERT_USABLE;
	int rc = db_each(
	    conn, query, DB_ARGS(DB_TEXT(name)), read_first_int, id);

	if (rc == 0)
		return store_refuse(call, -ENOENT,
		    "there is no enabled signing certificate %s",
		    name_legal(name, strlen(name)) ? name : "of that name");
	return rc < 0 ? rc : 0;
}

/* The new limit. One writer: what is read here is what is changed. */
static int resolve_limit(struct store_call *call, const struct store_key *key,
    const struct store_edit *edit, int64_t *limit)
{
	*limit = edit->number;
	if (!edit->relative)
		return 0;
	if (key->max_uses == STORE_UNLIMITED)
		return store_refuse(call, -EINVAL,
		    "the limit is max: there is nothing to add to");
	if (__builtin_add_overflow(key->max_uses, edit->number, limit))
		return store_refuse(
		    call, -ERANGE, "the limit would be too large");
	if (*limit < 0)
		return store_refuse(call, -ERANGE, "the limit would be below 0");
	return 0;
}

static int resolve_exportable(struct db_conn *conn, struct store_call *call,
    const struct store_key *key, const struct store_edit *edit)
{
	if (edit->number && !key->exportable)
		return store_refuse(call, -EPERM,
		    "the secret's readable copy has been destroyed");
	if (!edit->number && key->exportable)
		db_scrub(conn);
	return 0;
}

/* A century is more than any signing certificate has left. */
enum { DAYS_MAX = 36525 };

static int resolve_days(struct store_call *call, int64_t days)
{
	if (days < 1)
		return store_refuse(call, -EINVAL, "at least 1 day");
	if (days > DAYS_MAX)
		return store_refuse(call, -ERANGE, "at most %d days", DAYS_MAX);
	return 0;
}

static int resolve(struct db_conn *conn, const struct change *c, int64_t *number)
{
	const struct store_edit *edit = c->edit;

	*number = edit->number;
	switch (edit->field) {
	case STORE_SIGNING_CERT:
		return resolve_cert(conn, c->call, edit, number);
	case STORE_MAX_USES:
		return resolve_limit(c->call, &c->out->key, edit, number);
	case STORE_EXPORTABLE:
		return resolve_exportable(conn, c->call, &c->out->key, edit);
	case STORE_REVOCATION:
		return member_set_revocation(
		    conn, c->call, &c->out->member, edit->text, clock_now());
	case STORE_CA_VALIDITY_DAYS:
		if (!c->out->cert.pending)
			return store_refuse(
			    c->call, -EBUSY, "it has its certificate");
		return resolve_days(c->call, edit->number);
	case STORE_VALIDITY_DAYS:
	case STORE_CRL_DAYS:
		return resolve_days(c->call, edit->number);
	default:
		return 0;
	}
}

static int set_job(struct db_conn *conn, void *arg)
{
	struct change *c = arg;
	const struct store_edit *edit = c->edit;
	char text[24], object[STORE_PATH], path[STORE_PATH + 32];
	int64_t number, now = clock_now();
	int rc = edit->field == STORE_MANAGED
		     ? object_get(conn, c->kind, c->id, c->out)
		     : object_get_writable(
			   conn, c->call, c->kind, c->id, c->out);

	if (!rc)
		rc = before_check(c->store, edit, &c->out->object);
	if (!rc)
		rc = resolve(conn, c, &number);
	/* the state of its keys */
	bool by_others = c->kind == STORE_GROUP && edit->field == STORE_ENABLED;
	if (!rc)
		rc = shown_edited(conn, &c->out->object, by_others, now);
	if (rc)
		return rc;
	bool none = (edit->field == STORE_MAX_USES &&
			number == STORE_UNLIMITED) ||
		    (edit->field == STORE_EXPIRES && number == STORE_NEVER);
	struct db_value value = edit->field == STORE_DESCRIPTION
				    ? DB_TEXT(edit->text)
				: none ? DB_NIL
				       : DB_INT(number);
	rc = db_run(conn, object_kinds[c->kind]->set[edit->field],
	    DB_ARGS(DB_INT(c->id), value, DB_INT((int64_t)edit->bit),
		DB_INT(edit->bare ? (int64_t)edit->bit : 0), DB_INT(now),
		DB_INT(c->call->uid)));
	if (rc < 0)
		return rc;
	before_note(c->store, edit, c->out);
	store_path(&c->out->object, object);
	snprintf(path, sizeof(path), "%s/%s", object, field_name[edit->field]);
	if (none)
		snprintf(text, sizeof(text), "%s",
		    edit->field == STORE_EXPIRES ? "never" : "max");
	else if (edit->field == STORE_EXPIRES)
		clock_text(number, text);
	else
		snprintf(text, sizeof(text), "%" PRId64, number);
	return audit_add(conn, c->call, now,
	    &(struct audit){
		.action = "set",
		.object = path,
		.name = "value",
		.value = edit->text ? edit->text : text,
	    });
}

int store_set(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit)
{
	union store_any now;
	struct change c = {
	    store, call, object->kind, object->id, NULL, 0, &now, edit, 0};

	if (!object_kinds[object->kind]->set[edit->field])
		return store_refuse(call, -EINVAL, "there is no such value");
	return store_submit(store, call, set_job, &c);
}

const char *store_state_name(enum store_state state)
{
	static const char *const name[] = {
	    "active", "exhausted", "disabled", "expired", "revoked", "pending"};

	return name[state];
}
