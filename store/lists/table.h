/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_TABLE_H
#define STORE_LISTS_TABLE_H

/* Tables of all keys and members. */
#include "store/snapshot.h"
#include "store/store.h"

/* Implements store_snapshot for the tables and pages of keys and members.
 * Returns as it does. */
int list_table(struct store *store, enum store_list which, bool look,
    struct store_snapshot **out);

#endif
