/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/record.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/backup/line.h"
#include "store/backup/row.h"
#include "store/db/columns.h"
#include "store/db/db.h"
#include "store/store.h"

/* Adds a certificate; with its member's first, the member as it enrolled, not
 * as it is now. */
static int add_row(const struct db_row *row, void *arg)
{
	const int first = db_columns[DB_ISSUED].count + 1, origin = first + 1,
		  member = origin + 1;
	struct bytes *out = arg;
	size_t len;
	const void *noted = db_blob(row, origin, &len);
	int rc = bytes_printf(out, ",\"issued\":");

	if (!rc)
		rc = row_json_at(row, 0, DB_ISSUED, out);
	if (rc || !db_int(row, first))
		return rc ? rc : 1;
	rc = bytes_printf(out, ",\"member\":");
	if (!rc)
		rc = noted ? bytes_add(out, noted, len)
			   : row_json_at(row, member, DB_ENROLLED, out);
	return rc ? rc : 1;
}

static int add_issued(struct db_conn *conn, int64_t id, struct bytes *out)
{
	return db_one(
	    conn, DB_ISSUED_RECORD, DB_ARGS(DB_INT(id)), add_row, out, -ESTALE);
}

static int add_part(
    const char *name, const void *text, size_t len, struct bytes *out)
{
	int rc = text ? bytes_printf(out, ",\"%s\":", name) : 0;

	return rc || !text ? rc : bytes_add(out, text, len);
}

int record_compose(
    struct db_conn *conn, const struct record *record, struct bytes *out)
{
	int rc = bytes_printf(out, "\"seq\":%" PRId64 ",\"at\":%" PRId64,
	    record->seq, record->at);

	if (!rc)
		rc = add_part("log", record->line, record->line_len, out);
	if (!rc && record->issued)
		rc = add_issued(conn, record->issued, out);
	return rc ? rc : add_part("data", record->data, record->data_len, out);
}

int record_of_event(
    struct db_conn *conn, const struct db_row *row, struct bytes *out)
{
	CLEANUP_BYTES struct bytes line = {0};
	struct record record = {
	    .seq = db_int(row, DB_EVENT_SEQ),
	    .at = db_int(row, DB_EVENT_AT),
	    .issued = db_int(row, DB_EVENT_ISSUED),
	};
	int rc = db_is_null(row, DB_EVENT_LINE) ? 0 : line_of_event(row, &line);

	record.line = line.data;
	record.line_len = line.len;
	record.data = db_blob(row, DB_EVENT_DATA, &record.data_len);
	return rc ? rc : record_compose(conn, &record, out);
}

/* --- parsing --- */

/* Returns the end of the JSON object at `at`, or `end` if it is incomplete. */
static const char *end_of_object(const char *at, const char *end)
{
	bool quoted = false;
	int depth = 0;

	for (; at < end; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && *at == '{')
			depth++;
		else if (!quoted && *at == '}' && --depth == 0)
			return at + 1;
	}
	return end;
}

static int split_part(const char **at, const char *end, struct record_parts *out)
{
	static const char *const name[RECORD_PARTS] = {
	    ",\"log\":", ",\"issued\":", ",\"member\":", ",\"data\":"};

	for (int i = 0; i < RECORD_PARTS; i++) {
		size_t n = strlen(name[i]);
		if ((size_t)(end - *at) <= n || memcmp(*at, name[i], n) != 0)
			continue;
		const char *from = *at + n;
		*at = end_of_object(from, end);
		int rc = bytes_add(&out->text[i], from, (size_t)(*at - from));
		return rc ? rc : bytes_add(&out->text[i], "", 1);
	}
	return -EBADMSG;
}

/* Parses a decimal number without reading beyond end. Moments before 1970 are
 * negative. */
static int take_number(const char **at, const char *end, int64_t *out)
{
	bool negative = *at < end && **at == '-';
	const char *first = *at += negative;

	*out = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_sub_overflow(*out, **at - '0', out))
			return -EBADMSG;
	if (*at == first || (!negative && *out == INT64_MIN))
		return -EBADMSG;
	if (!negative)
		*out = -*out;
	return 0;
}

int record_split(const char *text, size_t len, struct record_parts *out)
{
	static const char name[] = ",\"at\":";
	const char *end = text + len;
	const char *at = memmem(text, len, name, sizeof(name) - 1);
	int rc;

	if (!at)
		return -EBADMSG;
	at += sizeof(name) - 1;
	rc = take_number(&at, end, &out->at);
	while (at < end && !rc)
		rc = split_part(&at, end, out);
	return rc;
}

const char *record_part(const struct record_parts *parts, int i)
{
	return parts->text[i].len ? (const char *)parts->text[i].data : NULL;
}

void record_parts_free(struct record_parts *parts)
{
	for (int i = 0; i < RECORD_PARTS; i++)
		bytes_free(&parts->text[i]);
}
