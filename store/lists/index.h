/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_INDEX_H
#define STORE_LISTS_INDEX_H

/* index.txt: what a signing certificate has issued. */
#include "store/snapshot.h"
#include "store/store.h"

/* Implements store_snapshot for STORE_INDEX. Returns as it does. */
int list_index(
    struct store *store, int64_t cert, bool look, struct store_snapshot **out);

#endif
