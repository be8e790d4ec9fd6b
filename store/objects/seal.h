/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SEAL_H
#define STORE_OBJECTS_SEAL_H

/* Secrets of rows, under the master key. */
#include "store/db/db.h"
#include "store/store.h"

/*
 * In a job: seals a row's secret under the master key, with kind and id as
 * associated data, and stores it with a query of (id, sealed). Returns 0 or
 * -errno.
 */
int seal_into(struct store *store, struct db_conn *conn, enum db_query query,
    const char *kind, int64_t id, const void *secret, size_t len);

#endif
