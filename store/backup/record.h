/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_RECORD_H
#define STORE_BACKUP_RECORD_H

/* A record of the exported journal: an event's row as JSON members. */
#include "store/base/bytes.h"
#include "store/db/db.h"

struct record {
	int64_t seq, at;
	const void *line; /* of the audit trail; NULL: none */
	size_t line_len;
	int64_t issued;	  /* id of a certificate; 0: none */
	const void *data; /* JSON; NULL: none */
	size_t data_len;
};

/* Appends a record without its envelope (envelope.c): `"seq":` and so on.
 * Returns 0 or -errno. */
int record_compose(
    struct db_conn *conn, const struct record *record, struct bytes *out);

/* Appends the record of a row with DB_EVENT_ columns, as record_compose. */
int record_of_event(
    struct db_conn *conn, const struct db_row *row, struct bytes *out);

/* What a record's data begins with that is the first one after a trim; the
 * anchor (anchor.h) follows. */
#define RECORD_TRIM "{\"kind\":\"trim\","

/* Parts of a record, NUL-terminated; empty: none. */
enum { RECORD_LOG, RECORD_ISSUED, RECORD_MEMBER, RECORD_DATA, RECORD_PARTS };

struct record_parts {
	int64_t at;
	struct bytes text[RECORD_PARTS];
};

/* Splits a text that record_compose made. Returns 0, -EBADMSG (it did not) or
 * -ENOMEM. Free *out with record_parts_free, also after an error. */
int record_split(const char *text, size_t len, struct record_parts *out);
void record_parts_free(struct record_parts *parts);

/* Returns a part, or NULL if it is empty. */
const char *record_part(const struct record_parts *parts, int i);

#endif
