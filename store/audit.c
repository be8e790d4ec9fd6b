/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/internal.h"

/*
 * The audit trail: a JSON object a line, each with the SHA-256 of the line before, so that nothing
 * can be taken out or changed unseen. It is written by the job it records: both are there or
 * neither.
 */

struct last {
	int64_t seq, upto, at;
	struct bytes line;
};

static int read_last(const struct db_row *row, void *arg)
{
	struct last *last = arg;
	size_t len;
	const void *line = db_blob(row, 1, &len);

	last->seq = db_int(row, 0);
	last->upto = db_int(row, 2);
	last->at = db_int(row, 3);
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

static const char *error_name(int error)
{
	const char *name = strerrorname_np(-error);

	return name ? name : "EIO";
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
		rc = add_member(out, "result", entry->error ? error_name(entry->error) : "ok");
	if (!rc && entry->error)
		rc = add_member(out, "reason", call->reason);
	if (!rc)
		rc = bytes_printf(out, ",\"prev\":\"%s\"}", prev);
	return rc ? rc : bytes_add(out, "", 1);
}

int audit_add(
	struct db_conn *conn, const struct store_call *call, int64_t now, const struct audit *entry)
{
	CLEANUP_BYTES struct bytes line = {0};
	struct last last = {0};
	int rc = db_each(conn, DB_AUDIT_LAST, NULL, read_last, &last);
	int64_t at = now > last.at ? now : last.at; /* it only grows, as the file does */

	if (rc >= 0)
		rc = compose(&line, call, now, entry, &last);
	if (!rc)
		rc = db_run(conn, DB_AUDIT_ADD,
			DB_ARGS(DB_INT(last.seq + 1), DB_TEXT((const char *)line.data),
				DB_INT(last.upto + (int64_t)line.len), DB_INT(at)));
	bytes_free(&last.line);
	return rc < 0 ? rc : 0;
}

/* --- refusals, and what the daemon itself does --- */

struct note {
	struct store_call call;
	char action[16], object[STORE_PATH + 96];
	int error;
	int64_t now;
};

static int note_job(struct db_conn *conn, void *arg)
{
	const struct note *n = arg;

	return audit_add(conn, &n->call, n->now,
		&(struct audit){.action = n->action, .object = n->object, .error = n->error});
}

void audit_post(struct store *store, const struct store_call *call, const char *action,
	const char *object, int error)
{
	struct note *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->call = *call;
	n->call.groups = NULL;
	n->error = error;
	n->now = clock_now();
	snprintf(n->action, sizeof(n->action), "%s", action);
	snprintf(n->object, sizeof(n->object), "%s", object);
	db_post(store->db, note_job, n);
}

int store_log_event(struct store *store, const char *action, const char *object)
{
	struct note n = {
		.call = {.uid = getuid(), .gid = getgid(), .pid = getpid(), .comm = "enrollfs"},
		.now = clock_now(),
	};

	snprintf(n.action, sizeof(n.action), "%s", action);
	snprintf(n.object, sizeof(n.object), "%s", object);
	return store->read_only ? 0 : db_submit(store->db, note_job, &n);
}

/* --- reading it --- */

static int last_line(struct store *store, struct last *last)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = conn ? db_each(conn, DB_AUDIT_LAST, NULL, read_last, last) : -EIO;

	return rc < 0 ? rc : 0;
}

int audit_last(struct store *store, int64_t *seq, int64_t *at)
{
	struct last last = {0};
	int rc = last_line(store, &last);

	bytes_free(&last.line);
	*seq = last.seq;
	*at = last.at;
	return rc;
}

int store_log_stat(struct store *store, size_t *len, int64_t *changed)
{
	struct last last = {0};
	int rc = last_line(store, &last);

	bytes_free(&last.line);
	*len = (size_t)last.upto;
	*changed = last.at;
	return rc;
}

int store_log_head(struct store *store, struct bytes *out)
{
	unsigned char hash[PKI_HASH] = {0};
	char text[2 * PKI_HASH + 1];
	struct last last = {0};
	int rc = last_line(store, &last);

	if (!rc && last.line.len)
		rc = pki_sha256(last.line.data, last.line.len, hash);
	bytes_free(&last.line);
	hex_text(hash, PKI_HASH, text);
	return rc ? rc : bytes_add(out, text, strlen(text));
}

struct reading {
	int64_t offset;
	size_t left;
	struct bytes *out;
};

static int read_line(const struct db_row *row, void *arg)
{
	struct reading *r = arg;
	size_t len, n;
	const char *line = db_blob(row, 0, &len);
	int64_t from = db_int(row, 1) - (int64_t)len - 1;
	size_t skip = r->offset > from ? (size_t)(r->offset - from) : 0;
	int rc = 0;

	if (skip < len) {
		n = len - skip < r->left ? len - skip : r->left;
		rc = bytes_add(r->out, line + skip, n);
		r->left -= n;
	}
	if (!rc && r->left) {
		rc = bytes_add(r->out, "\n", 1);
		r->left--;
	}
	return rc ? rc : r->left == 0;
}

int store_log_read(struct store *store, int64_t offset, size_t size, struct bytes *out)
{
	struct db_conn *conn = db_reader(store->db);
	struct reading r = {offset, size, out};

	if (!conn)
		return -EIO;
	int rc = db_each(conn, DB_AUDIT_READ, DB_ARGS(DB_INT(offset)), read_line, &r);
	return rc < 0 ? rc : 0;
}
