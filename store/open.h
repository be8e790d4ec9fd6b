/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

/* Steps of store_open, for store_restore. */
#include "store/store.h"

/* Allocates a store with nothing opened. Free it with store_close. Returns 0 or
 * -ENOMEM. */
int store_new(const struct store_options *options, struct store **out);

/* Opens the store's directory, in which its files are looked up from here on,
 * and locks the store against other daemons. Returns 0, -EBUSY, -EEXIST
 * (must_be_new), -ENOENT (read-only, and missing), -EINVAL (not a regular file,
 * hard-linked), or -errno of open(2); logged. */
int store_lock(struct store *store, const struct store_options *options);

/* Has the database tell the journal, and what remembers, of its changes. */
void store_set_hooks(struct store *store);

/* Reads or, with make, creates the master key, and sets store->sealer from it
 * and the store's id. Returns as master_key. */
int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id);

#endif
