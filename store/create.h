/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_CREATE_H
#define STORE_CREATE_H

/* Creating a store. */
#include <limits.h>

#include "store/store.h"

/* Creates a missing store; its lock must be held. Returns 0 or -errno,
 * logged. */
int store_create(struct store *store, const struct store_options *options);

/* Creates the database store->db at path with suffix appended, and writes that
 * name to draft. Call store_draft_done also after an error. Returns 0 or
 * -errno. */
int store_draft(struct store *store, const char *path, const char *suffix,
    char draft[PATH_MAX]);

/* Closes store->db and, if rc is 0, renames draft to path; otherwise removes
 * draft. Returns rc or -errno. */
int store_draft_done(
    struct store *store, const char *draft, const char *path, int rc);

#endif
