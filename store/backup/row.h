/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_ROW_H
#define STORE_BACKUP_ROW_H

/* What is exported of a row: a JSON object of the columns in columns.h. */
#include "store/base/bytes.h"
#include "store/db/db.h"

/*
 * Appends the JSON of a row. sealed: with its secrets, which are ciphertext.
 * *version, if wanted: that of an object, else 0. Returns 0, -ESTALE (no such
 * row; with sealed, also one that is deleted) or -errno.
 */
int row_json(struct db_conn *conn, enum db_kind kind, int64_t id, bool sealed,
    struct bytes *out, int64_t *version);

#endif
