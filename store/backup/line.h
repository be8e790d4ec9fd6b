/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_LINE_H
#define STORE_BACKUP_LINE_H

/* A line of the audit trail: a JSON object with the SHA-256 of the line before,
 * so that no line can be removed or changed unnoticed. The database stores its
 * parts. */
#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"

/* Parts as in the line, escaped. LINE_MORE is `,"name":"value"`, with
 * `,"key_id":NUMBER` behind it or not. */
enum line_part {
	LINE_COMM,
	LINE_ACTION,
	LINE_OBJECT,
	LINE_MORE,
	LINE_RESULT, /* empty: ok */
	LINE_REASON,
	LINE_PARTS
};

struct line {
	int64_t seq;
	int64_t time; /* seconds */
	int64_t uid, gid, pid;
	struct bytes part[LINE_PARTS]; /* NUL-terminated; empty: none */
	unsigned char prev[PKI_HASH];
};

void line_free(struct line *line);

/* Sets a part, escaped (RFC 8259 7). Bytes above 0x7e are taken as Latin-1: the
 * line is valid JSON whatever a caller sent. NULL leaves the part empty.
 * Returns 0 or -ENOMEM. */
int line_set(struct line *line, enum line_part part, const char *text);

/* Sets LINE_MORE to a member and its value, as line_set. */
int line_set_more(struct line *line, const char *name, const char *value);

/* Appends the id of a provisioning key to LINE_MORE. Returns 0 or -ENOMEM. */
int line_set_key(struct line *line, int64_t id);

/* Likewise the login of who called, behind everything else; -1: unknown. */
int line_set_login(struct line *line, int64_t loginuid, int64_t session);

/* Returns a part, or NULL if it is empty. */
const char *line_part(const struct line *line, enum line_part part);

/* Appends the line without its newline. Returns 0 or -ENOMEM. */
int line_compose(const struct line *line, struct bytes *out);

/* Sets the parts of *out to those of line as they are stored: frequent texts in
 * them are one byte each. Returns 0 or -ENOMEM. Free *out with line_free, also
 * after an error. */
int line_pack(const struct line *line, struct line *out);

/* Appends the line of a row with DB_EVENT_ columns: from its parts, or the
 * stored text if there is one. Returns 0 or -errno. */
int line_of_event(const struct db_row *row, struct bytes *out);

/* Parses a line that line_compose made. The caller sets out->time from the
 * record's moment. Returns 0, -EINVAL (line_compose would not reproduce it) or
 * -ENOMEM. Free *out with line_free, also after an error. */
int line_parse(const char *text, struct line *out);

#endif
