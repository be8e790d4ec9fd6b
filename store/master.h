/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_MASTER_H
#define STORE_MASTER_H

/* The master key, under which all secrets are sealed. */
#include "store/pki/pki.h"
#include "store/store.h"

/*
 * Reads the master key. make: creates the file if it is missing, except among
 * the credentials of a systemd service. The caller wipes key. Returns 0 or
 * -errno, logged. See also store_find_key.
 */
int master_key(const struct store_options *options, bool make,
    unsigned char key[PKI_SECRET]);

#endif
