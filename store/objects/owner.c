/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/owner.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"

/* Owners and modes. Every object has its own. Its files follow it; a file has a
 * row only if its owner or mode was changed. */

bool store_in_group(const struct store_call *call, gid_t gid)
{
	for (int i = 0; i < call->groups_count; i++)
		if (call->groups[i] == gid)
			return true;
	return call->gid == gid ||
	       (call->group_shown && call->shown_gid == gid);
}

static bool same_owner(const struct store_owner *a, const struct store_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

static struct store_owner merged(
    const struct store_owner *now, const struct store_chown *change)
{
	const mode_t special = S_ISUID | S_ISGID;
	struct store_owner out = *now;

	if (change->uid)
		out.uid = change->to.uid;
	if (change->gid)
		out.gid = change->to.gid;
	/* With a new owner, the mode is the kernel's cached one without these
	 * bits: only they are to be cleared. */
	if (change->mode && (change->uid || change->gid))
		out.mode &= change->to.mode | ~special;
	else if (change->mode)
		out.mode = change->to.mode & 07777;
	return out;
}

/* Whether this is the change that the kernel sends before a truncation: clear
 * set-user-ID and set-group-ID. */
static bool clears_special(
    const struct store_owner *now, const struct store_chown *change)
{
	mode_t cleared = now->mode & ~change->to.mode;

	return change->mode && !change->uid && !change->gid && cleared &&
	       !(cleared & ~(mode_t)(S_ISUID | S_ISGID)) &&
	       change->to.mode == (now->mode & ~cleared);
}

int store_merge_owner(struct store_call *call, const struct store_owner *now,
    const struct store_chown *change, struct store_owner *out)
{
	*out = merged(now, change);
	bool same = same_owner(now, out);
	if (call->uid == 0 || clears_special(now, change))
		return same;
	if (call->uid != now->uid)
		return store_refuse(call, -EPERM,
		    "only root and its owner, the user %u, may change owner and mode",
		    now->uid);
	if (out->uid != now->uid)
		return store_refuse(
		    call, -EPERM, "only root may give it to another user");
	/* With unknown groups, rely on the kernel: it has checked the caller's
	 * own credentials, which are not cached. */
	if (out->gid != now->gid && call->groups_count >= 0 &&
	    !store_in_group(call, out->gid))
		return store_refuse(
		    call, -EPERM, "its owner is not in the group %u", out->gid);
	return same;
}

static int read_owner(const struct db_row *row, void *arg)
{
	struct store_owner *owner = arg;

	owner->uid = (uid_t)db_int(row, 0);
	owner->gid = (gid_t)db_int(row, 1);
	owner->mode = (mode_t)db_int(row, 2);
	owner->ctime = db_int(row, 3);
	return 1;
}

/* Returns -ENOENT if the file follows its directory. */
static int file_owner(
    struct db_conn *conn, uint64_t ino, struct store_owner *out)
{
	return db_one(conn, DB_FILE_OWNER_GET, DB_ARGS(DB_INT((int64_t)ino)),
	    read_owner, out, -ENOENT);
}

struct chown {
	struct store *store;
	struct store_call *call;
	const struct store_object *object;
	const struct store_file *file; /* NULL: the directory itself */
	const struct store_chown *change;
	uint64_t unlisted;

	/* set in the job */
	union store_any row;
	struct store_owner followed; /* the owner that a file follows */
};

static struct store_owner owner_of(const struct store_object *o)
{
	return (struct store_owner){o->uid, o->gid, o->mode, o->ctime};
}

/* Sets c->followed to the owner that the file would follow now. */
static int look_above(struct db_conn *conn, struct chown *c)
{
	struct store_above above = {.object = owner_of(&c->row.object)};
	union store_any root;
	int rc = object_get(conn, STORE_PLACE, STORE_ROOT, &root);

	if (rc)
		return rc;
	above.root = owner_of(&root.object);
	rc = c->file->dir ? file_owner(conn, c->file->dir, &above.dir)
			  : -ENOENT;
	if (rc && rc != -ENOENT)
		return rc;
	above.has_dir = !rc;
	c->file->follow(c->file, &above, &c->followed);
	return 0;
}

/* Reads the owner that is to be changed. */
static int look(struct db_conn *conn, struct chown *c, struct store_owner *out)
{
	int rc = object_get(conn, c->object->kind, c->object->id, &c->row);

	if (rc)
		return rc;
	*out = owner_of(&c->row.object);
	if (!c->file)
		return 0;
	rc = look_above(conn, c);
	if (!rc)
		rc = file_owner(conn, c->file->ino, out);
	if (rc != -ENOENT)
		return rc;
	*out = c->followed;
	return 0;
}

static int check_managed(struct db_conn *conn, const struct chown *c)
{
	union store_any any;
	int rc = c->file && c->file->key ? object_get_writable(conn, c->call,
					       STORE_KEY, c->file->key, &any)
					 : 0;

	return rc ? rc
		  : object_get_writable(
			conn, c->call, c->object->kind, c->object->id, &any);
}

static int set_owned(struct db_conn *conn, const struct chown *c, uint64_t bits,
    bool own, int64_t at)
{
	return db_change(conn, c->store->kinds[c->object->kind]->owned,
	    DB_ARGS(DB_INT(c->object->id), DB_INT((int64_t)bits),
		DB_INT(own ? (int64_t)bits : 0), DB_INT(own ? 0 : at)));
}

static int set_directory(
    struct db_conn *conn, const struct chown *c, const struct store_owner *want)
{
	struct db_value id = DB_INT(c->object->id);
	uint64_t unlisted = c->row.object.owned & c->unlisted;
	int rc = db_change(conn, c->store->kinds[c->object->kind]->chown,
	    DB_ARGS(id, DB_INT(want->uid), DB_INT(want->gid),
		DB_INT(want->mode), DB_INT(want->ctime)));

	if (rc || !unlisted)
		return rc;
	rc = db_change(conn, DB_FILE_OWNER_DROP_SOME,
	    DB_ARGS(DB_INT(c->object->kind), id, DB_INT((int64_t)unlisted)));
	return rc ? rc : set_owned(conn, c, unlisted, false, want->ctime);
}

static int set_file(
    struct db_conn *conn, const struct chown *c, const struct store_owner *want)
{
	struct db_value ino = DB_INT((int64_t)c->file->ino);
	bool own = !same_owner(want, &c->followed);
	int rc = own ? db_change(conn, DB_FILE_OWNER_SET,
			   DB_ARGS(ino, DB_INT(c->object->kind),
			       DB_INT(c->object->id), DB_INT(want->uid),
			       DB_INT(want->gid), DB_INT(want->mode),
			       DB_INT(want->ctime)))
		     : db_change(conn, DB_FILE_OWNER_DROP, DB_ARGS(ino));

	return rc ? rc : set_owned(conn, c, c->file->bit, own, want->ctime);
}

static int note_chown(struct db_conn *conn, const struct chown *c,
    const struct store_owner *want, int64_t now)
{
	const char *name = c->file ? c->file->name : "";
	char path[STORE_PATH], object[STORE_PATH + 32], value[64] = "follows";

	store_path(&c->row.object, path);
	snprintf(object, sizeof(object), "%s%s%s", path,
	    *name && *path ? "/" : "", name);
	if (!c->file || !same_owner(want, &c->followed))
		snprintf(value, sizeof(value), "%u:%u %04o", want->uid,
		    want->gid, want->mode);
	return audit_add(conn, c->call, now,
	    &(struct audit){
		.action = "chown",
		.object = object,
		.name = "owner",
		.value = value,
	    });
}

/* A ctime later than any time shown before: times of files may be ahead of the
 * clock. */
static int64_t later_ctime(
    const struct store_object *o, const struct store_owner *was, int64_t now)
{
	int64_t shown = was->ctime > o->changed ? was->ctime : o->changed;

	return now > shown ? now : shown + 1;
}

static int chown_it(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct chown *c = arg;
	struct store_owner now = {0}, want = {0};
	int rc = look(conn, c, &now);

	if (!rc)
		rc = store_merge_owner(c->call, &now, c->change, &want);
	/* The directory is unchanged, but files with owners of their own are to
	 * follow it; not of a managed object. */
	if (rc == 1 && c->row.object.owned & c->unlisted &&
	    !c->row.object.managed)
		rc = 0;
	if (rc)
		return rc;
	want.ctime = later_ctime(&c->row.object, &now, batch->now);
	rc = check_managed(conn, c);
	if (!rc)
		rc = c->file ? set_file(conn, c, &want)
			     : set_directory(conn, c, &want);
	return rc ? rc : note_chown(conn, c, &want, batch->now);
}

static const struct db_job chown_job = {.record = chown_it};

int store_chown(struct store *store, struct store_call *call,
    const struct store_object *object, uint64_t unlisted,
    const struct store_chown *change)
{
	struct chown c = {.store = store,
	    .call = call,
	    .object = object,
	    .change = change,
	    .unlisted = unlisted};

	return store_submit(store, call, &chown_job, &c);
}

int store_chown_file(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_file *file,
    const struct store_chown *change)
{
	struct chown c = {.store = store,
	    .call = call,
	    .object = object,
	    .file = file,
	    .change = change};

	return store_submit(store, call, &chown_job, &c);
}

int store_file_owner(struct store *store, uint64_t file, struct store_owner *out)
{
	return file_owner(db_reader(store->db), file, out);
}

bool store_is_root_owner(struct store *store, uid_t uid)
{
	union store_any root;

	return uid == 0 || (!store_get(store, STORE_PLACE, STORE_ROOT, &root) &&
			       root.object.uid == uid);
}

bool store_owns_group(struct store *store, const struct store_call *call)
{
	return db_exists(db_reader(store->db), DB_GROUP_OF_USER,
		   DB_ARGS(DB_INT(call->uid), DB_INT(call->gid))) > 0;
}

int owner_drop_all(struct db_conn *conn, const struct store_object *object)
{
	if (!object->owned)
		return 0;
	return db_change(conn, DB_FILE_OWNER_DROP_ALL,
	    DB_ARGS(DB_INT(object->kind), DB_INT(object->id)));
}
