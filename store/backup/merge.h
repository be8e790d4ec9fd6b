/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_MERGE_H
#define STORE_BACKUP_MERGE_H

/* Storing what row_json wrote, in a restore's job. */
#include <jansson.h>

#include "store/db/db.h"

/* The kind that a JSON object's `kind` names; DB_KINDS: none. */
enum db_kind merge_kind(const json_t *json);

/*
 * Stores a row: of an object, an issued certificate, a revocation, a member, or
 * a revocation list's number. If the object exists, the newer version wins,
 * column by column as columns.h says. During the restore, `removed` is 0 for
 * what is not deleted. Returns 0, -EBADMSG (no id, no value for a required hex
 * column, or a value of the wrong type) or -errno.
 */
int merge_row(struct db_conn *conn, enum db_kind kind, const json_t *json);

#endif
