/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

/* The steps of opening a store. */
#include "store/store.h"

/* Allocates a store with nothing open; store_close frees it. Returns 0 or
 * -ENOMEM. */
int store_new(const struct store_options *options, struct store **out);

/* Opens the store's directory, in which its files are looked up from here on,
 * and locks the store against other daemons. Returns 0, -EBUSY, -EEXIST (it has
 * to be new), -ENOENT, -EINVAL, or -errno of open(2); logged. */
int store_lock(struct store *store, const struct store_options *options);

/* Reads the master key; make: creates it if it is missing. */
int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id);

#endif
