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

#endif
