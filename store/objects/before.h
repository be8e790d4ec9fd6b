/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_BEFORE_H
#define STORE_OBJECTS_BEFORE_H

/* Values as they were before an edit, so that the edit can be taken back. */
#include "store/store.h"

enum { EDIT_SLOTS = 4096 };

/* How often each value was edited, by a hash of object and field. The writer's
 * thread alone uses it. */
struct edit_counts {
	uint64_t count[EDIT_SLOTS];
};

/*
 * In a job, before the edit. Returns 0, or -ECANCELED if the edit puts a value
 * back that another caller has changed since.
 */
int before_check(struct store *store, const struct store_edit *edit,
    const struct store_object *object);

/* In a job, after the edit of an object: counts the edit and keeps the value
 * that `was` had. */
void before_note(struct store *store, const struct store_edit *edit,
    const union store_any *was);

#endif
