/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_OBJECT_H
#define STORE_OBJECTS_OBJECT_H

/* What all kinds of objects have in common. */
#include "store/objects/kind.h"
#include "store/objects/path.h"

/* store_get on a given connection. */
int object_get(struct db_conn *conn, enum store_kind kind, int64_t id,
    union store_any *out);

/* Reads a row of a statement with all columns of a kind. */
void object_read(const struct db_row *row, const struct object_kind *kind,
    union store_any *out);

/* object_get of an object to be changed; also -EPERM if it is managed. */
int object_get_writable(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id, union store_any *out);

/* In a job: the list that contains the object has changed. */
int object_touch_list(
    struct db_conn *conn, const struct store_object *object, int64_t now);

/* db_submit, with a reason for failures of the store itself. */
int store_submit(struct store *store, struct store_call *call,
    const struct db_job *job, void *arg);

#endif
