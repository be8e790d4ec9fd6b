/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/columns.h"

/* clang-format off */

#define COLUMN(number, column, name, type, export, merge) \
	{#column, #name, DB_COLUMN_##type, DB_##export, DB_MERGE_##merge},
#define ONE(number, column, name, type, export, merge) +1

#define COLUMNS(kind, name, id, files, head, tail) \
	static const struct db_column kind##_column[] = {head(COLUMN) tail(COLUMN)}; \
	_Static_assert(sizeof(kind##_column) / sizeof(kind##_column[0]) <= DB_COLUMNS_MAX, \
		"DB_COLUMNS_MAX is too small");

DB_EXPORTED_KINDS(COLUMNS)

#define DESCRIPTION(kind, name, id, files, head, tail) \
	[DB_##kind] = {name, id, files, kind##_column, 0 head(ONE) tail(ONE), 0 head(ONE)},

const struct db_columns db_columns[DB_KINDS] = {DB_EXPORTED_KINDS(DESCRIPTION)};
