/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

/* Lists that can be long or cost a signature: rendered once, shared by all
 * readers. Returns and errors as in store.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"

struct store;
union store_any;

enum store_list {
	/* of a signing certificate */
	STORE_CRL_PEM,
	STORE_CRL_DER,
	STORE_INDEX, /* every certificate it issued, as in openssl-ca(1) */
	/* of the root */
	STORE_KEYS_TABLE, /* all keys, tab-separated */
	STORE_MEMBERS_TABLE,
	STORE_KEYS_PAGE, /* the same tables for a browser (HTML) */
	STORE_MEMBERS_PAGE,
	STORE_METRICS, /* in the text format of Prometheus */
	STORE_LISTS
};

/* A page has the newest members, at most so many. */
enum { STORE_PAGE_MEMBERS = 50000 };

/* One version of a list. It does not change. */
struct store_snapshot;

/*
 * Gets the present list of a signing certificate, or of the root. A stale
 * revocation list is signed again first, unless the store is read-only or the
 * certificate has expired; if the new one cannot be stored, the last one is
 * returned as long as it is complete and not expired. With `look`, for stat, a
 * valid revocation list is never signed again, and another list is rendered
 * again if it is out of date and cheap, or nobody has looked for a while (see
 * lists/render.h); otherwise, and without `look`, the cached one is returned,
 * if any.
 *
 * *out is NULL if there is no list: the certificate is pending, or has no
 * revocation list and may not sign one. Release *out with store_snapshot_put.
 * Returns 0, -ESTALE (the certificate is deleted), -EFBIG (over 1 GiB), or
 * -errno.
 */
int store_snapshot(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out);

/* NULL is permitted. */
void store_snapshot_put(struct store_snapshot *snapshot);

/* The length in bytes; the moment of the content. */
size_t store_snapshot_size(const struct store_snapshot *snapshot);
int64_t store_snapshot_made(const struct store_snapshot *snapshot);

/* Appends up to size bytes from offset on; nothing at the end. Returns 0,
 * -ESTALE (newer versions have displaced it from memory), -ENOMEM or -EIO. */
int store_snapshot_read(struct store_snapshot *snapshot, int64_t offset,
    size_t size, struct bytes *out);

#endif
