/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_LINE_H
#define STORE_BACKUP_LINE_H

/*
 * A line of the audit trail: a JSON object with the SHA-256 of the line before,
 * so that none can be removed or changed unseen. The store has it in its parts.
 */
#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"

/* Parts as they stand in the line, escaped. more: `,"name":"value"`,
 * `,"key_id":NUMBER` behind it. */
enum line_part {
	LINE_COMM,
	LINE_ACTION,
	LINE_OBJECT,
	LINE_MORE,
	LINE_RESULT, /* none: ok */
	LINE_REASON,
	LINE_PARTS
};

struct line {
	int64_t seq;
	int64_t time; /* seconds */
	int64_t uid, gid, pid;
	struct bytes part[LINE_PARTS]; /* NUL-terminated, or empty: none */
	unsigned char prev[PKI_HASH];
};

void line_free(struct line *line);

/* Sets a part to a text, which is escaped (RFC 8259 7): bytes outside ASCII are
 * taken as Latin-1, so that a line is valid whatever a caller sent. NULL: no
 * such part. Returns 0 or -ENOMEM. */
int line_set(struct line *line, enum line_part part, const char *text);

/* Sets LINE_MORE to a member with its value; likewise. */
int line_set_more(struct line *line, const char *name, const char *value);

/* Appends the id of a provisioning key to LINE_MORE; likewise. */
int line_set_key(struct line *line, int64_t id);

/* A part, or NULL. */
const char *line_part(const struct line *line, enum line_part part);

/* Appends the line without its newline. Returns 0 or -ENOMEM. */
int line_compose(const struct line *line, struct bytes *out);

/* Appends the line that a row of DB_EVENT_ columns has: its parts, or, where
 * those do not make it, the whole as it is kept. Returns 0 or -errno. */
int line_of_event(const struct db_row *row, struct bytes *out);

/* The reverse of line_compose, of a NUL-terminated text; out->time is given, as
 * the store has the moment of the record. Returns 0,
 * -EINVAL (line_compose would not make it) or -ENOMEM; free it in any case. */
int line_parse(const char *text, struct line *out);

#endif
