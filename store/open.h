/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

/* Steps of store_open, for store_restore and rekey.c. */
#include "store/pki/pki.h"
#include "store/store.h"

/* Settings with values sealed by the master key: a text that it can be tried
 * on; and by the one before, the command that replaced it. */
#define STORE_SEAL_CHECK "seal_check"
#define STORE_SEAL_BEFORE "seal_before"

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

/* Opens the database of a locked store, and locks that. Returns as
 * store_open. */
int store_open_database(
    struct store *store, const struct store_options *options);

/* Reads the store's id, domain and other settings. Returns 0, -EINVAL (never
 * finished, another domain) or -errno, logged. */
int store_read_identity(
    struct store *store, const struct store_options *options);

/* Whether store->sealer has the store's master key. Returns 0, or
 * -EKEYREJECTED, logged. */
int store_check_master(struct store *store, const struct store_options *options);

/* Appends what a sealed setting has inside. Returns 0, -ENOENT (no such
 * setting), -EBADMSG (sealed with another key) or -errno. */
int store_unseal_setting(struct store *store, const struct pki_sealer *sealer,
    const char *name, const char *kind, struct bytes *out);

/* Reads or, with make, creates the master key, and sets store->sealer from it
 * and the store's id. Returns as master_key. */
int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id);

#endif
