/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_ROW_H
#define STORE_BACKUP_ROW_H

/* A row as exported: a JSON object of the columns in columns.h. */
#include "store/base/bytes.h"
#include "store/db/db.h"

/* Appends the JSON of a row. sealed: with its secrets, which are encrypted.
 * Sets *version, unless NULL, to an object's version, or 0. Returns 0, -ESTALE
 * (no such row; if sealed, also a deleted one) or -errno. */
int row_json(struct db_conn *conn, enum db_kind kind, int64_t id, bool sealed,
    struct bytes *out, int64_t *version);

/* The same of a row that was read, whose id is in that column, with the columns
 * of its kind behind it; of kinds without files and secrets. */
int row_json_at(
    const struct db_row *row, int column, enum db_kind kind, struct bytes *out);

#endif
