/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/shown.h"

#include <stdlib.h>

#include "store/base/clock.h"
#include "store/internal.h"

/*
 * The seconds that files show as their times. rsync, web servers and make
 * detect a change by size and whole second, so no two contents of a file may
 * have both in common: a changed file shows a later second than before, ahead
 * of the clock if need be.
 *
 * An edit always shows a later second. What changes by itself, such as a key in
 * use or the audit trail, would then run away from the clock at hundreds of
 * changes a second: it shows a later second only if a caller has seen the last
 * one. `looked` has the latest second that was seen of each
 * object. Rows store a second only if it is ahead of the moment of the change.
 * `floor`, in a restored store, is the earliest second that any file shows;
 * `rekeyed`, behind rekey.enrollfs, that segments of the trail do.
 */

enum column { EDITED, SHOWN, MADE, COLUMNS }; /* of each kind of object */

static int64_t seconds(int64_t moment)
{
	return moment / CLOCK_SECOND;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static _Atomic int64_t *slot(
    struct store *store, enum store_kind kind, int64_t id)
{
	return &store->shown
		    .looked[((uint64_t)id * STORE_KINDS + kind) % SHOWN_SLOTS];
}

int64_t store_shown(const struct store *store, int64_t moment)
{
	return later(moment, store->shown.floor * CLOCK_SECOND);
}

int64_t store_shown_segment(const struct store *store, int64_t moment)
{
	return later(moment, store->shown.rekeyed * CLOCK_SECOND);
}

void store_look(
    struct store *store, const struct store_object *object, int64_t second)
{
	_Atomic int64_t *at = slot(store, object->kind, object->id);
	int64_t was = atomic_load(at);

	while (was < second && !atomic_compare_exchange_weak(at, &was, second))
		continue;
}

static const enum db_query shows[STORE_KINDS] = {
    [STORE_CERT] = DB_CERT_SHOWS,
    [STORE_GROUP] = DB_GROUP_SHOWS,
    [STORE_KEY] = DB_KEY_SHOWS,
    [STORE_MEMBER] = DB_MEMBER_SHOWS,
};

static int give(struct db_conn *conn, enum store_kind kind, int64_t id,
    enum column column, int64_t second)
{
	struct store *store = db_context(conn);
	int64_t value[COLUMNS] = {0};

	value[column] = second;
	store->shown.latest = later(store->shown.latest, second);
	return db_change(conn, shows[kind],
	    DB_ARGS(DB_INT(id), DB_INT(value[EDITED]), DB_INT(value[SHOWN]),
		DB_INT(value[MADE])));
}

/* Raises *second to the latest that any file shows or has shown. */
static int latest(
    struct db_conn *conn, const struct store *store, int64_t *second)
{
	int64_t at = 0;
	int rc = db_each(conn, DB_AUDIT_MOMENT, NULL, db_read_int, &at);

	*second = later(*second, later(store->shown.latest, seconds(at)));
	return rc;
}

int shown_edited(struct db_conn *conn, const struct store_object *before,
    bool by_others, int64_t now)
{
	const struct store *store = db_context(conn);
	int64_t last = seconds(store_shown(store, before->changed));
	/* which files of other objects show it is not known */
	int rc = by_others ? latest(conn, store, &last) : 0;

	if (rc || last < seconds(now))
		return rc;
	return give(conn, before->kind, before->id, EDITED, last + 1);
}

void shown_removed(struct db_conn *conn, const struct store_object *before)
{
	struct store *store = db_context(conn);

	store->shown.vacated = later(
	    store->shown.vacated, seconds(store_shown(store, before->changed)));
}

int shown_made(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now)
{
	const struct store *store = db_context(conn);
	int64_t last = later(store->shown.vacated, store->shown.floor);

	return last < seconds(now) ? 0 : give(conn, kind, id, MADE, last + 1);
}

int shown_used(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now)
{
	struct store *store = db_context(conn);
	int64_t looked = atomic_load(slot(store, kind, id));

	return looked < seconds(now) ? 0
				     : give(conn, kind, id, SHOWN, looked + 1);
}

int shown_listed(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now)
{
	struct store *store = db_context(conn);
	int64_t looked = atomic_load(slot(store, kind, id));

	return give(conn, kind, id, SHOWN, later(looked, seconds(now)) + 1);
}

void shown_line(
    struct db_conn *conn, int64_t at, int64_t *shown, int64_t *latest)
{
	struct store *store = db_context(conn);
	int64_t second = seconds(at),
		looked = atomic_load(slot(store, STORE_PLACE, STORE_ROOT));

	if (looked >= second)
		*shown = later(*shown, looked + 1);
	if (*shown <= second)
		*shown = 0;
	store->shown.latest = later(store->shown.latest, *shown);
	*latest = store->shown.latest > second ? store->shown.latest : 0;
}

/* What was shown by the last daemon is unknown, except that it was not later
 * than the last line says. */
static int read_last(const struct db_row *row, void *arg)
{
	struct store *store = arg;
	int64_t last = later(
	    seconds(db_int(row, 0)), later(db_int(row, 1), db_int(row, 2)));

	store->shown.latest = later(last, store->shown.floor);
	store->shown.vacated = store->shown.latest;
	for (int i = 0; i < SHOWN_SLOTS; i++)
		atomic_store(&store->shown.looked[i], store->shown.latest);
	return 1;
}

/* A setting is text. */
static int read_second(const struct db_row *row, void *arg)
{
	char text[24];

	db_text(row, 0, text, sizeof(text));
	*(int64_t *)arg = strtoll(text, NULL, 10);
	return 1;
}

int shown_open(struct store *store)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("shown_floor")),
	    read_second, &store->shown.floor);

	if (!rc)
		rc = db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("rekeyed")),
		    read_second, &store->shown.rekeyed);
	if (!rc)
		rc = db_each(conn, DB_AUDIT_MOMENT, NULL, read_last, store);
	store->shown.started = later(
	    clock_now(), store->shown.latest * CLOCK_SECOND);
	return rc;
}

int64_t store_started(const struct store *store)
{
	return store->shown.started;
}
