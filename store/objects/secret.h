/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_SECRET_H
#define STORE_OBJECTS_SECRET_H

/* The secrets of provisioning keys, which enroll.c compares and key.c shows. */
#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"

struct store;

/* Makes a secret for the key with this id: its hash, and sealed. Returns 0 or
 * -errno. */
int secret_make(struct store *store, int64_t id, unsigned char hash[PKI_HASH],
    struct bytes *sealed);

/*
 * In a job: appends what is to be kept of the key's former secrets when the
 * present one goes: of the newest SECRET_FORMER, the hash and when it went.
 * Returns 0 or -errno.
 */
enum { SECRET_FORMER = 64, SECRET_ENTRY = PKI_HASH + 8 };
int secret_former(
    struct db_conn *conn, int64_t id, int64_t now, struct bytes *out);

#endif
