/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/member.h"
#include "store/objects/shown.h"
#include "store/revocation.h"

/*
 * An order disables its group or key in the job that records it. From then on
 * nobody enrolls, and whoever is a member has an id up to stop_last. Each step
 * is a job too, and revokes every valid certificate of the next members. Jobs
 * run one after the other: what a member renewed before its turn is revoked
 * then, and behind its turn it has no certificate that a renewal could prove.
 */

/* Most of a step, and how many members at once at most. */
#define ORDER_STEP (5 * CLOCK_SECOND / 1000)
enum { MEMBERS = 128 };

static const struct order_queries {
	enum db_query get, begin, left, next, step, end;
} queries[STORE_KINDS] = {
    [STORE_GROUP] = {DB_GROUP_ORDER, DB_GROUP_ORDER_BEGIN, DB_GROUP_ORDER_LEFT,
	DB_GROUP_ORDER_NEXT, DB_GROUP_ORDER_STEP, DB_GROUP_ORDER_END},
    [STORE_KEY] = {DB_KEY_ORDER, DB_KEY_ORDER_BEGIN, DB_KEY_ORDER_LEFT,
	DB_KEY_ORDER_NEXT, DB_KEY_ORDER_STEP, DB_KEY_ORDER_END},
};

const struct store_order *order_of(const union store_any *object)
{
	return object->object.kind == STORE_KEY ? &object->key.order
						: &object->group.order;
}

/* --- giving one --- */

int order_check_managed(const struct field_edit *e)
{
	union store_any root;

	if (!e->object->object.managed || e->call->uid == 0)
		return 0;
	int rc = object_get(e->conn, STORE_PLACE, STORE_ROOT, &root);
	if (rc || root.object.uid == e->call->uid)
		return rc;
	return store_refuse(e->call, -EPERM,
	    "it is managed: only the owner of the mount's root may revoke");
}

int order_resolve(const struct field_edit *e, int64_t *number)
{
	const struct store_object *o = &e->object->object;
	int code = member_reason(e->call, e->edit->text);
	int rc = code < 0 ? code : order_check_managed(e);

	(void)number;
	return rc ? rc
		  : db_change(e->conn, queries[o->kind].begin,
			DB_ARGS(DB_INT(o->id), DB_INT(e->now),
			    DB_TEXT(pki_reason_name(code))));
}

int order_resolve_enabled(const struct field_edit *e, int64_t *number)
{
	return *number && order_of(e->object)->unfinished
		   ? store_refuse(e->call, -EBUSY,
			 "its members' certificates are being revoked: see revocation")
		   : 0;
}

int order_check_remove(struct store_call *call, const union store_any *object)
{
	return order_of(object)->unfinished
		   ? store_refuse(call, -EBUSY,
			 "its members' certificates are being revoked: see revocation")
		   : 0;
}

static int may_remove(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id)
{
	union store_any object;
	int rc = object_get(conn, kind, id, &object);

	return rc ? rc : order_check_remove(call, &object);
}

int order_may_remove_group(
    struct db_conn *conn, struct store_call *call, int64_t id)
{
	return may_remove(conn, call, STORE_GROUP, id);
}

int order_may_remove_key(
    struct db_conn *conn, struct store_call *call, int64_t id)
{
	return may_remove(conn, call, STORE_KEY, id);
}

int store_order_left(
    struct store *store, const struct store_object *object, int64_t *left)
{
	*left = 0;
	return db_each(db_reader(store->db), queries[object->kind].left,
	    DB_ARGS(DB_INT(object->id)), db_read_int, left);
}

/* --- carrying it out --- */

struct state {
	char reason[24];
	int64_t done, last, count;
};

static int read_state(const struct db_row *row, void *arg)
{
	struct state *s = arg;

	db_text(row, 0, s->reason, sizeof(s->reason));
	s->done = db_int(row, 1);
	s->last = db_int(row, 2);
	s->count = db_int(row, 3);
	return 1;
}

struct members {
	int64_t id[MEMBERS];
	int count;
};

static int read_member(const struct db_row *row, void *arg)
{
	struct members *m = arg;

	m->id[m->count++] = db_int(row, 0);
	return m->count == MEMBERS;
}

/* The line of the trail that says how many there were. */
static int note_end(
    struct db_conn *conn, const struct order *o, int64_t count, int64_t now)
{
	const struct store *store = db_context(conn);
	const struct store_call call = {.uid = store->uid,
	    .gid = store->gid,
	    .pid = getpid(),
	    .comm = "enrollfs"};
	char object[STORE_PATH], path[STORE_PATH + 16], text[24];
	union store_any row;
	int rc = object_get(conn, o->kind, o->id, &row);

	if (rc)
		return rc;
	store_path(&row.object, object);
	snprintf(path, sizeof(path), "%s/revocation", object);
	snprintf(text, sizeof(text), "%" PRId64, count);
	return audit_add(conn, &call, now,
	    &(struct audit){.action = "revoked",
		.object = path,
		.name = "certificates",
		.value = text});
}

/* Revokes what the members have, until the time is up. Returns how many
 * certificates, or -errno; *done is the last member that was reached. */
static int revoke_all(struct db_conn *conn, const struct members *m,
    const char *reason, int64_t now, int64_t *done)
{
	int64_t until = clock_ticks() + ORDER_STEP;
	int count = 0, i = 0;

	do {
		int rc = member_revoke(conn, m->id[i], 0, reason, now);
		if (rc < 0)
			return rc;
		count += rc;
		*done = m->id[i++];
	} while (i < m->count && clock_ticks() < until);
	return count;
}

static int end(struct db_conn *conn, struct order *o, int64_t before,
    int64_t count, int64_t now)
{
	int rc = db_change(conn, queries[o->kind].end,
	    DB_ARGS(DB_INT(o->id), DB_INT(count), DB_INT(now)));

	o->ended = true;
	return rc ? rc : note_end(conn, o, before + count, now);
}

static int take_step(
    struct db_conn *conn, struct order *o, const struct state *s, int64_t now)
{
	const struct order_queries *q = &queries[o->kind];
	struct members m = {0};
	int64_t done = s->done;
	int rc = db_each(conn, q->next,
	    DB_ARGS(DB_INT(o->id), DB_INT(s->done), DB_INT(s->last),
		DB_INT(MEMBERS)),
	    read_member, &m);

	if (!rc && m.count)
		rc = revoke_all(conn, &m, s->reason, now, &done);
	if (rc < 0)
		return rc;
	int count = rc;
	rc = shown_used(conn, o->kind, o->id, now);
	if (rc)
		return rc;
	if (m.count < MEMBERS && (!m.count || done == m.id[m.count - 1]))
		return end(conn, o, s->count, count, now);
	return db_change(conn, q->step,
	    DB_ARGS(DB_INT(o->id), DB_INT(done), DB_INT(count), DB_INT(now)));
}

static int record_step(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct order *o = arg;
	struct state s;
	int64_t begun = clock_ticks();
	int rc = db_one(conn, queries[o->kind].get, DB_ARGS(DB_INT(o->id)),
	    read_state, &s, -ENOENT);

	o->ended = rc == -ENOENT; /* another host has done it */
	if (!rc)
		rc = take_step(conn, o, &s, batch->now);
	o->took = clock_ticks() - begun;
	return rc == -ENOENT ? 0 : rc;
}

const struct db_job order_job = {.record = record_step};

struct each {
	order_fn fn;
	void *arg;
};

static int read_order(const struct db_row *row, void *arg)
{
	const struct each *each = arg;
	const struct order order = {
	    .kind = (enum store_kind)db_int(row, 0),
	    .id = db_int(row, 1),
	    .at = db_int(row, 2),
	};

	return each->fn(&order, each->arg);
}

int order_each(struct db_conn *conn, order_fn fn, void *arg)
{
	return db_each(
	    conn, DB_ORDERS, NULL, read_order, &(struct each){fn, arg});
}
