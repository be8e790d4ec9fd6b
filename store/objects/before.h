/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_BEFORE_H
#define STORE_OBJECTS_BEFORE_H

/* Values as they were before an edit, for store_put_back. */
#include "store/store.h"

struct db_conn;

enum { EDIT_SLOTS = 4096 };

/* How often each value was edited, by a hash of object and field. Only jobs use
 * it. */
struct edit_counts {
	uint64_t count[EDIT_SLOTS];
};

/* In a job, before the edit. Returns 0, -ECANCELED (edit puts a value back that
 * another caller has changed since) or -errno. */
int before_check(struct db_conn *conn, struct store *store,
    const struct store_edit *edit, const struct store_object *object);

/* In a job, after the edit: counts it, and stores the value in `was` in
 * edit->before, if set. */
void before_note(struct store *store, const struct store_edit *edit,
    const union store_any *was);

#endif
