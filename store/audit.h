/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

/* The audit trail. */
#include "store/db/db.h"
#include "store/store.h"

/* Two lines whose numbers differ by a multiple of this never share a second:
 * the version of store.json is made of second and number, see export.c. */
enum { EXPORT_ROUND = 16384 };

struct audit {
	const char *action; /* mkdir rmdir rename set copy enroll renew ... */
	const char *object; /* path below the mount */
	const char *name;   /* one more member and its value, or NULL */
	const char *value;
	int64_t key;	/* id of the provisioning key to name, or 0 */
	int error;	/* -errno of a refusal, with call->reason; or 0 */
	int64_t issued; /* id of the certificate to export with it, or 0 */
};

/* In a job: appends a record of what the job does. Returns 0 or -errno. */
int audit_add(struct db_conn *conn, const struct store_call *call, int64_t now,
    const struct audit *entry);

/* The number of the last record, and the moment that log shows. Both only
 * grow. Returns 0 or -errno. */
int audit_last(struct store *store, int64_t *seq, int64_t *at);

/* Queues a record of a refusal, without waiting for it. */
void audit_post(struct store *store, const struct store_call *call,
    const char *action, const char *object, int error);

#endif
