/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

/* Appending to the audit trail. */
#include "store/db/db.h"
#include "store/store.h"

/* Two lines whose numbers differ by a multiple of this never share a second:
 * the version of store.json consists of second and number, see export.c. */
enum { EXPORT_ROUND = 16384 };

struct audit {
	const char *action; /* mkdir rmdir rename set copy enroll renew ... */
	const char *object; /* path below the mountpoint */
	const char *name;   /* an additional member and its value, or NULL */
	const char *value;
	int64_t key;	/* id of the provisioning key to name, or 0 */
	int error;	/* -errno of a refusal, with call->reason; 0: none */
	int64_t issued; /* id of the certificate to export with the line, or 0 */
};

/* In a job: appends a line about it. now is the job's moment. Returns 0 or
 * -errno. */
int audit_add(struct db_conn *conn, const struct store_call *call, int64_t now,
    const struct audit *entry);

/* The last line of the trail. All is 0 if there is none. */
struct audit_end {
	int64_t line;	   /* its number; never decreases */
	int64_t ends;	   /* the trail's length in bytes */
	int64_t at;	   /* the moment that the log shows; never decreases */
	struct bytes text; /* without its newline */
};

/* Returns 0 or -errno. Free out->text with bytes_free, also after an error. */
int audit_find_end(struct store *store, struct audit_end *out);

/* Queues a line about a refusal without waiting. It may be dropped, see
 * db_post. */
void audit_post(struct store *store, const struct store_call *call,
    const char *action, const char *object, int error);

#endif
