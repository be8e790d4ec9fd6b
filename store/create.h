/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_CREATE_H
#define STORE_CREATE_H

/* Making a store. */
#include <limits.h>

#include "store/store.h"

/* Makes a store that is missing; its lock is held. Logs failures. */
int store_create(struct store *store, const struct store_options *options);

/*
 * To fill a new store: opens store->db under the path with a suffix, which is
 * written to draft.
 */
int store_draft(struct store *store, const char *path, const char *suffix,
    char draft[PATH_MAX]);

/* Closes it and, if rc is 0, renames it to path; else removes it. Returns rc or
 * -errno. */
int store_draft_done(
    struct store *store, const char *draft, const char *path, int rc);

#endif
