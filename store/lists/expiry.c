/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/expiry.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/objects/object.h"

/* Members that are looked at in one go, deleted in one transaction; and how
 * often all are looked at: expire_after counts in days. */
enum { LOOK = 4096, AT_ONCE = 32 };
#define AGAIN (3600 * CLOCK_SECOND)

static struct store_call call_of(const struct store *store)
{
	return (struct store_call){.uid = store->uid,
	    .gid = store->gid,
	    .pid = getpid(),
	    .comm = "enrollfs"};
}

/* --- in a job --- */

struct removal {
	struct store *store;
	const int64_t *id; /* of members */
	size_t count;
};

struct due {
	int64_t after, last; /* seconds */
};

static int read_due(const struct db_row *row, void *arg)
{
	struct due *due = arg;

	due->after = db_int(row, 0);
	due->last = db_int(row, 1);
	return 1;
}

static int note(struct db_conn *conn, const struct store_call *call,
    const union store_any *member, int64_t after, int64_t now)
{
	char path[STORE_PATH], duration[CLOCK_TEXT];

	store_path(&member->object, path);
	clock_duration(after, duration);
	return audit_add(conn, call, now,
	    &(struct audit){.action = "rmdir",
		.object = path,
		.name = "expire_after",
		.value = duration});
}

/* Everything may have changed since it was looked at; another host may have
 * deleted it. */
static int remove_one(
    struct db_conn *conn, struct store *store, int64_t id, int64_t now)
{
	struct store_call call = call_of(store);
	union store_any member;
	struct due due;
	int rc = db_one(conn, DB_MEMBER_EXPIRES, DB_ARGS(DB_INT(id)), read_due,
	    &due, -ESTALE);

	if (!rc && (!due.after || due.last + due.after > now / CLOCK_SECOND))
		return 0;
	if (!rc)
		rc = object_get(conn, STORE_MEMBER, id, &member);
	if (rc)
		return rc == -ESTALE ? 0 : rc;
	rc = object_remove(
	    conn, &call, store->kinds[STORE_MEMBER], &member, now);
	return rc ? rc : note(conn, &call, &member, due.after, now);
}

static int remove_some(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct removal *r = arg;
	int rc = 0;

	for (size_t i = 0; i < r->count && !rc; i++)
		rc = remove_one(conn, r->store, r->id[i], batch->now);
	return rc;
}

static const struct db_job removal_job = {.record = remove_some};

/* --- the keeper's thread --- */

static int add_id(const struct db_row *row, void *arg)
{
	int64_t id = db_int(row, 0);

	return bytes_add(arg, &id, sizeof(id));
}

/* That one of them has stayed does no harm. */
static void tell_removed(const struct removal *r)
{
	for (size_t i = 0; i < r->count && r->store->expired; i++)
		r->store->expired(r->id[i], r->store->enrolled_arg);
}

static int remove_all(struct store *store, const struct bytes *ids)
{
	const int64_t *id = (const int64_t *)ids->data;
	size_t count = ids->len / sizeof(*id);
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i += AT_ONCE) {
		struct removal r = {.store = store,
		    .id = id + i,
		    .count = count - i < AT_ONCE ? count - i : AT_ONCE};
		rc = db_submit(store->db, &removal_job, &r);
		if (!rc)
			tell_removed(&r);
	}
	return rc;
}

/* Returns 1 if there is more behind, 0, or -errno. */
static int look(struct store *store, struct expiry *e)
{
	CLEANUP_BYTES struct bytes ids = {0};
	struct db_conn *conn = db_reader(store->db);
	int64_t last = 0, end = e->after + LOOK;
	int rc = db_each(conn, DB_MEMBER_LAST, NULL, db_read_int, &last);

	if (!rc)
		rc = db_each(conn, DB_MEMBER_EXPIRED,
		    DB_ARGS(DB_INT(clock_now() / CLOCK_SECOND),
			DB_INT(e->after), DB_INT(end)),
		    add_id, &ids);
	if (!rc)
		rc = remove_all(store, &ids);
	if (!rc)
		e->after = end;
	return rc ? rc : end < last;
}

int64_t expiry_run(struct store *store, bool anew)
{
	struct expiry *e = &store->expiry;
	int64_t now = clock_ticks();

	if (anew)
		*e = (struct expiry){0};
	if (now < e->next)
		return e->next;
	int rc = db_exists(db_reader(store->db), DB_GROUP_EXPIRES, NULL);
	if (rc > 0)
		rc = look(store, e);
	if (rc > 0)
		return now;
	if (rc < 0)
		report(LOG_WARNING,
		    "store %s: members whose time is over could not be deleted, which is tried again in an hour: %s",
		    store->path, strerror(-rc));
	*e = (struct expiry){.next = now + AGAIN};
	return e->next;
}
