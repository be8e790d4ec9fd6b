/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SHOWN_H
#define STORE_OBJECTS_SHOWN_H

/* The times that files show: see shown.c. */
#include "store/db/db.h"
#include "store/snapshot.h"
#include "store/store.h"

enum { SHOWN_SLOTS = 1024 };

struct shown {
	/* The highest second that files of an object have shown to a caller;
	 * several objects share a slot. */
	_Atomic int64_t looked[SHOWN_SLOTS];
	/* For jobs only: the highest second given to anything, and the highest
	 * shown by a path that another object may have now. */
	int64_t latest, vacated;
	/* Constant while the store is open: the least second that any file
	 * shows; the moment of the start, later than that of the last. */
	int64_t floor, started;
	/* Of the tables; with their render lock held. */
	int64_t listed[STORE_LISTS];
};

/*
 * The functions below are for jobs and return 0 or -errno of db_run.
 *
 * shown_edited: an object is edited; `before` is its state before that.
 * by_others: other objects show the edited value too, such as its name.
 */
int shown_edited(struct db_conn *conn, const struct store_object *before,
    bool by_others, int64_t now);

/* An object was deleted or renamed: its path is free. */
void shown_removed(struct db_conn *conn, const struct store_object *before);

/* An object was made. */
int shown_made(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/* An object changed without an edit: a use, a copy. */
int shown_used(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/*
 * The second that the log shows with its next line, written at moment `at`, and
 * the latest that any file shows: 0 where that is not ahead of `at`. *shown is
 * given as the last line had it.
 */
void shown_line(
    struct db_conn *conn, int64_t at, int64_t *shown, int64_t *latest);

/* Reads at opening what the store's files have shown before. */
int shown_open(struct store *store);

#endif
