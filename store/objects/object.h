/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_OBJECT_H
#define STORE_OBJECTS_OBJECT_H

/* Common to all kinds of objects. */
#include "store/objects/kind.h"
#include "store/objects/path.h"

/* store_get on the given connection. Returns 0, -ESTALE (it does not exist) or
 * -errno. */
int object_get(struct db_conn *conn, enum store_kind kind, int64_t id,
    union store_any *out);

/* Reads a row of a statement with all columns of a kind. */
void object_read(const struct db_row *row, const struct object_kind *kind,
    union store_any *out);

/* object_get for an object that is about to be changed. Also returns -EPERM
 * (managed). */
int object_get_writable(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id, union store_any *out);

/* In a job: the list that contains the object has changed; not for members that
 * are new (DB_GROUP_MEMBER_ADDED). Returns 0 or -errno. */
int object_touch_list(
    struct db_conn *conn, const struct store_object *object, int64_t now);

/* Identifies the caller for the audit trail (store_identify) and runs
 * db_submit. Sets call->reason if the store failed: -EIO (also for
 * -ETIMEDOUT), -ENOSPC, -EBUSY or -ENOMEM. Else returns as db_submit. */
int store_submit(struct store *store, struct store_call *call,
    const struct db_job *job, void *arg);

#endif
