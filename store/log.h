/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

/* The audit trail as a file: a JSON object a line, with the hash of the line
 * before. It only grows. Returns and errors as in store.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/base/bytes.h"

struct store;

/* Records an action of the daemon itself, such as mount and unmount. Does
 * nothing on a read-only store. */
int store_log_event(struct store *store, const char *action, const char *object);

/* The trail's length in bytes, and the moment of its last line, for
 * store_shown. Both are 0 if it is empty. */
int store_log_stat(struct store *store, size_t *len, int64_t *changed);

/* The number of the line before the first: how many a trim has moved away. It
 * never changes while the store is open. */
int64_t store_log_begins(const struct store *store);

/* Appends up to size bytes of the trail from offset on; nothing at its end. */
int store_log_read(
    struct store *store, int64_t offset, size_t size, struct bytes *out);

/* Appends the SHA-256 of the last line, without its newline, in hex: the `prev`
 * of the next one. 64 zeros if the trail is empty. */
int store_log_head(struct store *store, struct bytes *out);

/* Whether the audit trail and the tables are hidden from other users. False
 * only for stores that version 0.1.0 made, also after a restore. */
bool store_audit_private(const struct store *store);

/* The group that may read the audit trail: that of store_options.audit_gid, or
 * else `root`, the group of the mount's root. */
gid_t store_audit_group(const struct store *store, gid_t root);

#endif
