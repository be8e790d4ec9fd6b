/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/engine.h"

/* Ids of new rows: one behind the highest that there is or was. */

int64_t db_new_id(struct db_batch *batch, enum db_kind kind)
{
	batch->last_id[kind] = batch->next_id[kind];
	return batch->next_id[kind]++;
}

void db_set_ids(
    struct db_batch *batch, const int64_t highest[DB_NUMBERED], int64_t deleted)
{
	static const enum db_kind kind[DB_NUMBERED] = {
	    DB_CERT, DB_GROUP, DB_KEY, DB_MEMBER, DB_ISSUED};

	for (int i = 0; i < DB_NUMBERED; i++) {
		batch->last_id[kind[i]] = highest[i];
		batch->next_id[kind[i]] = 1 + (highest[i] > deleted ? highest[i]
								    : deleted);
	}
}
