/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_MASTER_H
#define STORE_MASTER_H

/* The master key, which seals all secrets in the store. */
#include "store/pki/pki.h"
#include "store/store.h"

/*
 * Reads the master key from options->key_fd or its file. make: creates a
 * missing file, except among the credentials of a systemd service. The caller
 * wipes key. Returns 0, -ENOKEY (missing), -EACCES (its owner or mode is not
 * safe), -EINVAL (malformed, not a regular file) or -errno; logged. See also
 * store_find_key.
 */
int master_key(const struct store_options *options, bool make,
    unsigned char key[PKI_SECRET]);

/*
 * Replacing the key, for who may write to its directory. The file keeps its
 * path, mode and, if this user may, owner. master_stage writes the new key and
 * a copy of the old one beside it, as FILE.new and FILE.old, so that what could
 * fail has failed before the store is changed; master_unstage removes them.
 * master_install gives the old one its name, which it logs, and renames the new
 * one over the file. master_owner tells whose the directory is. Return 0 or
 * -errno, logged.
 */
int master_owner(const struct store_options *options, uid_t *owner);
int master_stage(const struct store_options *options,
    const unsigned char old[PKI_SECRET], const unsigned char key[PKI_SECRET]);
void master_unstage(const struct store_options *options);
int master_install(
    const struct store_options *options, const unsigned char old[PKI_SECRET]);

#endif
