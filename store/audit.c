/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/shown.h"

/*
 * The audit trail: a JSON object a line, each with the SHA-256 of the line
 * before, so that nothing can be taken out or changed unseen. It is written by
 * the job it records: both are there or neither.
 */

struct last {
	int64_t seq, upto, at;
	int64_t shown; /* the second that it shows, if that is ahead of its
			  moment */
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
	last->shown = db_int(row, 4);
	return bytes_add(&last->line, line, len);
}

/* RFC 8259 7. Bytes outside ASCII are taken as Latin-1: what is written is
 * always valid. */
static int add_escaped(struct bytes *out, const char *text)
{
	int rc = 0;

	for (; *text && !rc; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			rc = bytes_printf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			rc = bytes_printf(out, "\\u%04x", c);
		else
			rc = bytes_add(out, text, 1);
	}
	return rc;
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(-error);

	return name ? name : "EIO";
}

/* The parts of a line as they stand in it, which is how the store keeps
 * them. */
enum { COMM, ACTION, OBJECT, MORE, RESULT, REASON, PARTS };

struct line {
	struct bytes part[PARTS]; /* NUL-terminated, or nothing */
	unsigned char prev[PKI_HASH];
	struct bytes text; /* all of it */
};

static void free_line(struct line *line)
{
	for (int i = 0; i < PARTS; i++)
		bytes_free(&line->part[i]);
	bytes_free(&line->text);
}

static int set_part(struct line *line, int part, const char *text)
{
	int rc = text ? add_escaped(&line->part[part], text) : 0;

	return rc || !text ? rc : bytes_add(&line->part[part], "", 1);
}

static int set_parts(
    struct line *line, const struct store_call *call, const struct audit *entry)
{
	struct bytes *more = &line->part[MORE];
	int rc = set_part(line, COMM, call->comm);

	if (!rc)
		rc = set_part(line, ACTION, entry->action);
	if (!rc)
		rc = set_part(line, OBJECT, entry->object);
	if (!rc && entry->error)
		rc = set_part(line, RESULT, error_name(entry->error));
	if (!rc && entry->error)
		rc = set_part(line, REASON, call->reason);
	if (rc || !entry->name)
		return rc;
	rc = bytes_printf(more, ",\"%s\":\"", entry->name);
	if (!rc)
		rc = add_escaped(more, entry->value);
	return rc ? rc : bytes_add(more, "\"", 2);
}

static const char *part(const struct line *line, int i)
{
	return line->part[i].len ? (char *)line->part[i].data : NULL;
}

static int compose(
    struct line *line, const struct store_call *call, int64_t seq, int64_t now)
{
	char time[CLOCK_TEXT], prev[2 * PKI_HASH + 1];
	const char *more = part(line, MORE), *result = part(line, RESULT);
	struct bytes *out = &line->text;

	clock_text(now / CLOCK_SECOND, time);
	hex_text(line->prev, PKI_HASH, prev);
	int rc = bytes_printf(out,
	    "{\"seq\":%" PRId64
	    ",\"time\":\"%s\",\"uid\":%u,\"gid\":%u,\"pid\":%d,"
	    "\"comm\":\"%s\",\"action\":\"%s\",\"object\":\"%s\"%s,\"result\":\"%s\"",
	    seq, time, call->uid, call->gid, call->pid, part(line, COMM),
	    part(line, ACTION), part(line, OBJECT), more ? more : "",
	    result ? result : "ok");
	if (!rc && part(line, REASON))
		rc = bytes_printf(out, ",\"reason\":\"%s\"", part(line, REASON));
	return rc ? rc : bytes_printf(out, ",\"prev\":\"%s\"}", prev);
}

static struct db_value text_or_null(const struct line *line, int i)
{
	return line->part[i].len ? DB_TEXT(part(line, i)) : DB_NIL;
}

/*
 * The moment of the next line in the trail, which only grows. Lines whose
 * numbers differ by a multiple of EXPORT_ROUND never have the same second: see
 * export.c.
 */
static int64_t moment_of(int64_t seq, int64_t now, const struct last *last)
{
	int64_t at = now > last->at ? now : last->at;

	if (seq % EXPORT_ROUND || at / CLOCK_SECOND > last->at / CLOCK_SECOND)
		return at;
	return (at / CLOCK_SECOND + 1) * CLOCK_SECOND;
}

/* at: the moment of the line in the trail; the time in it is that of the
 * clock. */
static int store_line(struct db_conn *conn, const struct store_call *call,
    const struct line *line, const struct last *last, int64_t at, bool whole,
    int64_t issued)
{
	int64_t latest, shown = last->shown;

	shown_line(conn, at, &shown, &latest);
	return db_change(conn, DB_AUDIT_ADD,
	    DB_ARGS(DB_INT(last->seq + 1), DB_INT(at), DB_INT(call->uid),
		DB_INT(call->gid), DB_INT(call->pid), DB_TEXT(part(line, COMM)),
		DB_TEXT(part(line, ACTION)), DB_TEXT(part(line, OBJECT)),
		text_or_null(line, MORE), text_or_null(line, RESULT),
		text_or_null(line, REASON), DB_BLOB(line->prev, PKI_HASH),
		DB_INT(last->upto + (int64_t)line->text.len + 1),
		issued ? DB_INT(issued) : DB_NIL,
		DB_TEXT(whole ? (const char *)line->text.data : ""),
		DB_INT(shown), DB_INT(latest)));
}

int audit_add(struct db_conn *conn, const struct store_call *call, int64_t now,
    const struct audit *entry)
{
	struct line line = {0};
	struct last last = {0};
	int rc = db_each(conn, DB_AUDIT_LAST, NULL, read_last, &last);
	int64_t at = moment_of(last.seq + 1, now, &last);

	if (!rc && last.line.len)
		rc = pki_sha256(last.line.data, last.line.len, line.prev);
	if (!rc)
		rc = set_parts(&line, call, entry);
	if (!rc)
		rc = compose(&line, call, last.seq + 1, now);
	size_t len = line.text.len;
	if (!rc)
		rc = bytes_add(&line.text, "", 1);
	line.text.len = len;
	if (!rc)
		rc = store_line(conn, call, &line, &last, at,
		    at / CLOCK_SECOND != now / CLOCK_SECOND, entry->issued);
	bytes_free(&last.line);
	free_line(&line);
	return rc;
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
	    &(struct audit){
		.action = n->action, .object = n->object, .error = n->error});
}

void audit_post(struct store *store, const struct store_call *call,
    const char *action, const char *object, int error)
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
	    .call = {.uid = store->uid,
		.gid = store->gid,
		.pid = getpid(),
		.comm = "enrollfs"},
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
	return db_each(conn, DB_AUDIT_LAST, NULL, read_last, last);
}

static int64_t moment_shown(const struct last *last)
{
	int64_t shown = last->shown * CLOCK_SECOND;

	return shown > last->at ? shown : last->at;
}

int audit_last(struct store *store, int64_t *seq, int64_t *at)
{
	struct last last = {0};
	int rc = last_line(store, &last);

	bytes_free(&last.line);
	*seq = last.seq;
	*at = moment_shown(&last);
	return rc;
}

int store_log_stat(struct store *store, size_t *len, int64_t *changed)
{
	struct last last = {0};
	int rc = last_line(store, &last);

	bytes_free(&last.line);
	*len = (size_t)last.upto;
	*changed = moment_shown(&last);
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

bool store_audit_private(const struct store *store)
{
	return store->audit_private;
}

gid_t store_audit_group(const struct store *store, gid_t root)
{
	return store->audit_named ? store->audit_gid : root;
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

int store_log_read(
    struct store *store, int64_t offset, size_t size, struct bytes *out)
{
	struct db_conn *conn = db_reader(store->db);
	struct reading r = {offset, size, out};

	return db_each(
	    conn, DB_AUDIT_READ, DB_ARGS(DB_INT(offset)), read_line, &r);
}
