/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_OWNER_H
#define STORE_OBJECTS_OWNER_H

/* Owners of files, for jobs. */
#include "store/db/db.h"
#include "store/store.h"

/* In a job that deletes an object: deletes the owners of its files. Returns 0
 * or -errno. */
int owner_drop_all(struct db_conn *conn, const struct store_object *object);

#endif
