/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_MERGE_H
#define STORE_BACKUP_MERGE_H

/* Storing what row.h has written: in a restore's job. */
#include <jansson.h>

#include "store/db/db.h"

/* What a JSON object's `kind` says; DB_KINDS: another. */
enum db_kind merge_kind(const json_t *json);

/*
 * Stores an object, an issued certificate, a revocation, a member or a list's
 * number. Of an object that is there the newer version wins, as columns.h says
 * of each column. As long as a restore lasts, what is alive has `removed` 0.
 * Returns 0, -EBADMSG (a member is missing or malformed) or -errno.
 */
int merge_row(struct db_conn *conn, enum db_kind kind, const json_t *json);

#endif
