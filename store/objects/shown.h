/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SHOWN_H
#define STORE_OBJECTS_SHOWN_H

/* The times that files show, see shown.c. */
#include "store/db/db.h"
#include "store/snapshot.h"
#include "store/store.h"

enum { SHOWN_SLOTS = 1024 };

struct shown {
	/* The latest second that an object's files have shown to a caller.
	 * Objects share slots. */
	_Atomic int64_t looked[SHOWN_SLOTS];
	/* For jobs only: the latest second given to any object, and the latest
	 * that was shown at a path that is free now. */
	int64_t latest, vacated;
	/* Constant while the store is open: the earliest second that any file
	 * shows; the moment of the start, not before anything shown earlier. */
	int64_t floor, rekeyed, started;
	/* The tables' seconds; protected by their render locks. */
	int64_t listed[STORE_LISTS];
};

/*
 * All functions but shown_open are for jobs. They return 0 or -errno.
 *
 * shown_edited: an object is being edited; `before` is its state before that.
 * by_others: files of other objects show the value too, such as a name.
 */
int shown_edited(struct db_conn *conn, const struct store_object *before,
    bool by_others, int64_t now);

/* An object was deleted or renamed: its path is free. */
void shown_removed(struct db_conn *conn, const struct store_object *before);

/* An object was made. */
int shown_made(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/* An object changed without an edit, such as by a use or copy. */
int shown_used(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/* A list of the object changed that has no moment of its own: what changes by
 * itself shows another second. */
int shown_listed(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/* For a new line of the audit trail with the moment `at`: sets *shown, which
 * the last line's was, to the second that the log shows with it, and *latest to
 * the latest that any file shows. Both are 0 if not later than `at`. */
void shown_line(
    struct db_conn *conn, int64_t at, int64_t *shown, int64_t *latest);

/* When the store is opened: reads what files have shown before. Returns 0 or
 * -errno. */
int shown_open(struct store *store);

#endif
