/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_ORDER_H
#define STORE_OBJECTS_ORDER_H

/* Orders to revoke all certificates of a group's or key's members. */
#include "store/objects/object.h"

/* `resolve` of STORE_REVOCATION, of groups and keys: records an order. Also
 * returns -EINVAL (no reason of RFC 5280 5.3.1) or -EPERM (managed, and the
 * caller does not own the mount's root). */
int order_resolve(const struct field_edit *e, int64_t *number);

/* `resolve` of STORE_ENABLED, of groups and keys. Returns 0, or -EBUSY: it
 * stays disabled while an order is unfinished. */
int order_resolve_enabled(const struct field_edit *e, int64_t *number);

/* The object's order. */
const struct store_order *order_of(const union store_any *object);

/* Whether the object may be deleted. Returns 0, or -EBUSY: its order is
 * unfinished. */
int order_check_remove(struct store_call *call, const union store_any *object);

/* `may_remove` of groups and keys. */
int order_may_remove_group(
    struct db_conn *conn, struct store_call *call, int64_t id);
int order_may_remove_key(
    struct db_conn *conn, struct store_call *call, int64_t id);

/* Whether an edit of a managed object is the mount owner's. Returns 0 or
 * -EPERM. */
int order_check_managed(const struct field_edit *e);

/* An order, and a step of it. */
struct order {
	enum store_kind kind;
	int64_t id;
	int64_t at;   /* moment of the last step */
	int64_t took; /* of this step, in clock_ticks */
	bool ended;   /* with this step, or before */
};

/* Revokes the certificates of the next members, for at most ORDER_STEP ticks.
 * arg: a struct order. */
extern const struct db_job order_job;

/* Calls fn for each unfinished order. Returns 0 or -errno. */
typedef int (*order_fn)(const struct order *order, void *arg);
int order_each(struct db_conn *conn, order_fn fn, void *arg);

#endif
