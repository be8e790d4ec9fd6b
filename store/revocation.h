/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REVOCATION_H
#define STORE_REVOCATION_H

/* Revoking what a provisioning key or a group has enrolled, and replacing a
 * key's secret. Returns and errors as in store.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;
struct store;
struct store_call;
struct store_object;
struct store_wait;

/*
 * An order to revoke the certificates of all members of a group, or of those
 * that enrolled with a key. store_set of STORE_REVOCATION records it and
 * disables the object; a thread of the store carries it out, also behind a
 * restart. Of a signing certificate: its own revocation.
 */
struct store_order {
	char reason[24]; /* CRLReason (RFC 5280 5.3.1); empty: no order yet */
	bool unfinished;
};

/* Sets *left to the number of members that are left of an unfinished order; 0:
 * it has ended. */
int store_order_left(
    struct store *store, const struct store_object *object, int64_t *left);

/*
 * Waits, without a thread, until no order of the object is unfinished. done is
 * called with 0, or -errno: the store failed, and the order goes on later.
 *
 * Returns 0 (none is), 1 (done will be called; it may have been) or -EBUSY (too
 * many wait already; the order goes on).
 */
int store_wait_order(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_wait *wait);

/*
 * Makes another secret for a key. The one before enrolls until then (seconds;
 * 0: not any more), and is always answered for a public key that has enrolled.
 * Returns 0, -ESTALE or -EPERM (managed, or not exportable).
 */
struct store_replace {
	int64_t until;
	uint64_t bit; /* as in struct store_edit */
	bool bare;
};
int store_key_replace(struct store *store, struct store_call *call,
    const struct store_object *key, const struct store_replace *how);

/*
 * Says whose text this is, that of a provisioning key: appends a line with the
 * path of the key and, behind a blank, `replaced TIME` or `deleted TIME` if the
 * text enrolls nobody any more, or only for a while. data is all that has been
 * received.
 *
 * Returns 0, 1 (incomplete), -EBADMSG, or -EKEYREJECTED (none that is known; of
 * each key, the newest SECRET_FORMER that were replaced are).
 */
int store_whois(struct store *store, struct store_call *call, const void *data,
    size_t len, struct bytes *reply);

#endif
