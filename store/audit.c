/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"

/*
 * The audit trail: a JSON object a line, each with the SHA-256 of the line before, so that nothing
 * can be taken out or changed unseen. It is written by the job it records: both are there or
 * neither.
 */

struct last {
	int64_t seq;
	struct bytes line;
};

static int read_last(const struct db_row *row, void *arg)
{
	struct last *last = arg;
	size_t len;
	const void *line = db_blob(row, 1, &len);

	last->seq = db_int(row, 0);
	return bytes_add(&last->line, line, len);
}

/* RFC 8259 7. Bytes outside ASCII are taken as Latin-1: what is written is always valid. */
static int add_string(struct bytes *out, const char *text)
{
	int rc = bytes_add(out, "\"", 1);

	for (; *text && !rc; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			rc = bytes_printf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			rc = bytes_printf(out, "\\u%04x", c);
		else
			rc = bytes_add(out, text, 1);
	}
	return rc ? rc : bytes_add(out, "\"", 1);
}

static int add_member(struct bytes *out, const char *name, const char *value)
{
	int rc = bytes_printf(out, ",\"%s\":", name);

	return rc ? rc : add_string(out, value);
}

static int compose(struct bytes *out, const struct store_call *call, int64_t now,
	const struct audit *entry, const struct last *last)
{
	char time[CLOCK_TEXT], prev[2 * PKI_HASH + 1];
	unsigned char hash[PKI_HASH] = {0};
	int rc = last->line.len ? pki_sha256(last->line.data, last->line.len, hash) : 0;

	clock_text(now / CLOCK_SECOND, time);
	hex_text(hash, PKI_HASH, prev);
	if (!rc)
		rc = bytes_printf(out,
			"{\"seq\":%" PRId64 ",\"time\":\"%s\",\"uid\":%u,\"gid\":%u,\"pid\":%d",
			last->seq + 1, time, call->uid, call->gid, call->pid);
	if (!rc)
		rc = add_member(out, "comm", call->comm);
	if (!rc)
		rc = add_member(out, "action", entry->action);
	if (!rc)
		rc = add_member(out, "object", entry->object);
	if (!rc && entry->name)
		rc = add_member(out, entry->name, entry->value);
	if (!rc)
		rc = bytes_printf(out, ",\"result\":\"ok\",\"prev\":\"%s\"}", prev);
	return rc ? rc : bytes_add(out, "", 1);
}

int audit_add(
	struct db_conn *conn, const struct store_call *call, int64_t now, const struct audit *entry)
{
	CLEANUP_BYTES struct bytes line = {0};
	struct last last = {0};
	int rc = db_each(conn, DB_AUDIT_LAST, NULL, read_last, &last);

	if (rc >= 0)
		rc = compose(&line, call, now, entry, &last);
	if (!rc)
		rc = db_run(conn, DB_AUDIT_ADD,
			DB_ARGS(DB_INT(last.seq + 1), DB_TEXT((const char *)line.data)));
	bytes_free(&last.line);
	return rc < 0 ? rc : 0;
}
