/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/audit.h"
#include "store/backup/line.h"
#include "store/backup/record.h"
#include "store/backup/row.h"
#include "store/base/clock.h"
#include "store/base/json.h"
#include "store/db/columns.h"
#include "store/internal.h"
#include "store/objects/kind.h"

/*
 * The backup: a JSON object for the store and for each group, key and
 * certificate, with sealed secrets; for everything else the journal, in
 * segments with a JSON object a line. All are in envelopes (envelope.c).
 *
 * rsync(1) detects a change by size and whole second, so every change alters
 * one of them. The journal only grows. An object has an increasing version,
 * seconds * 1,024 + a counter for changes within the second: the counter is
 * added to a size that is rounded up to 1,024. store.json changes with every
 * line of the audit trail, whose last record it names: its version is made from
 * that line's second and number, of which EXPORT_ROUND lines never share a
 * second (audit_add).
 */

enum { ROUND = 1024 };

/* --- objects --- */

struct view {
	struct bytes json; /* the object, including its braces */
	int64_t version;   /* seconds * round + what is added to the size */
	int64_t round;	   /* the size is rounded up to a multiple */
};

/* --- store.json --- */

/* The last line of the audit trail. */
struct mark {
	int64_t seq;	/* of its record */
	int64_t line;	/* of the line */
	int64_t at;	/* moment */
	int64_t latest; /* the latest second that any file shows */
	char hash[2 * PKI_HASH + 1];
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int read_mark(const struct db_row *row, void *arg)
{
	struct mark *mark = arg;
	CLEANUP_BYTES struct bytes line = {0};
	unsigned char hash[PKI_HASH] = {0};
	int rc = line_of_event(row, &line);

	mark->seq = db_int(row, DB_EVENT_SEQ);
	mark->line = db_int(row, DB_EVENT_LINE);
	mark->at = db_int(row, DB_EVENT_AT);
	mark->latest = later(mark->at / CLOCK_SECOND,
	    later(db_int(row, DB_EVENT_SHOWN), db_int(row, DB_EVENT_LATEST)));
	if (!rc)
		rc = pki_sha256(line.data, line.len, hash);
	hex_text(hash, PKI_HASH, mark->hash);
	return rc ? rc : 1;
}

static int add_seal_check(struct db_conn *conn, struct bytes *out)
{
	CLEANUP_BYTES struct bytes check = {0};
	int rc = db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("seal_check")),
	    db_read_blob, &check);

	return rc ? rc : json_hex(out, check.data, check.len);
}

static int add_places(struct db_conn *conn, struct bytes *out)
{
	int rc = 0;

	for (int place = STORE_ROOT; place < STORE_PLACES && !rc; place++) {
		rc = bytes_add(out, ",", place == STORE_ROOT ? 0 : 1);
		if (!rc)
			rc = row_json(conn, DB_PLACE, place, false, out, NULL);
	}
	return rc;
}

/* Adds where the trail begins, and the ids that were given, if rows have been
 * deleted. */
static int add_trimmed(
    const struct store *store, struct db_conn *conn, struct bytes *out)
{
	CLEANUP_BYTES struct bytes last = {0};
	int rc = db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("last_id")),
	    db_read_blob, &last);

	if (!rc && last.len)
		rc = bytes_add(&last, "", 1);
	if (!rc && last.len)
		rc = bytes_printf(out, ",\"last_id\":%" PRId64,
		    (int64_t)strtoll((char *)last.data, NULL, 10));
	if (rc || !store->anchor.records)
		return rc;
	rc = bytes_printf(out, ",\"anchor\":{");
	if (!rc)
		rc = anchor_json(&store->anchor, out);
	return rc ? rc : bytes_add(out, "}", 1);
}

/*
 * Adds the mark: the number of the record with the last line of the audit
 * trail, that line's hash, and the latest second that any file shows. Every
 * commit of importance ends with such a line. store.json is copied before the
 * trail: if the trail has fewer records, the copy has lost some.
 */
static int add_mark(const struct mark *mark, struct bytes *out)
{
	if (!mark->line)
		return 0;
	return bytes_printf(out,
	    ",\"records\":%" PRId64 ",\"log_head\":\"%s\",\"latest\":%" PRId64,
	    mark->seq, mark->hash, mark->latest);
}

/* Reads the mark first: later changes are in the trail. */
static int view_store(struct store *store, struct db_conn *conn, struct view *v)
{
	struct mark mark = {0};
	struct bytes *out = &v->json;
	int rc = db_each(conn, DB_EVENT_LAST_LINE, NULL, read_mark, &mark);

	if (!rc)
		rc = bytes_printf(out,
		    "{\"kind\":\"store\",\"domain\":\"%s\",\"seal_check\":",
		    store->domain);
	if (!rc)
		rc = add_seal_check(conn, out);
	if (!rc)
		rc = add_trimmed(store, conn, out);
	if (!rc)
		rc = bytes_printf(out, ",\"audit_private\":%s,\"places\":[",
		    store->audit_private ? "1" : "null");
	if (!rc)
		rc = add_places(conn, out);
	if (!rc)
		rc = bytes_add(out, "]", 1);
	if (!rc)
		rc = add_mark(&mark, out);
	v->round = EXPORT_ROUND;
	v->version = mark.at / CLOCK_SECOND * EXPORT_ROUND +
		     mark.line % EXPORT_ROUND;
	return rc ? rc : bytes_add(out, "}", 1);
}

static int view_object(
    struct db_conn *conn, const struct store_object *object, struct view *v)
{
	v->round = ROUND;
	return row_json(conn, (enum db_kind)object->kind, object->id, true,
	    &v->json, &v->version);
}

/* The path of the object's file below export/. */
static void file_path(
    const struct store_object *object, char out[STORE_PATH + 16])
{
	char path[STORE_PATH];

	store_path(object, path);
	if (object->kind == STORE_PLACE)
		snprintf(out, STORE_PATH + 16, "store.json");
	else
		snprintf(out, STORE_PATH + 16, "%s%s.json", path,
		    object->kind == STORE_GROUP ? "/group" : "");
}

static int compose(const struct store *store, const struct store_object *object,
    const struct view *v, struct bytes *out)
{
	char path[STORE_PATH + 16];

	file_path(object, path);
	int rc = export_file_head(store->id, path, out);
	if (!rc)
		rc = bytes_add(out, v->json.data + 1, v->json.len - 2);
	if (!rc)
		rc = export_seal(store, out);
	size_t round = (size_t)v->round;
	size_t size = (out->len + round) / round * round +
		      (size_t)(v->version % v->round);
	return rc ? rc
		  : bytes_printf(out, "%*s\n", (int)(size - out->len - 1), "");
}

int store_export(struct store *store, const union store_any *object,
    struct bytes *out, int64_t *changed)
{
	struct db_conn *conn = db_reader(store->db);
	const struct store_object *o = &object->object;
	struct view v = {0};
	int rc = o->kind == STORE_PLACE ? view_store(store, conn, &v)
					: view_object(conn, o, &v);

	if (!rc)
		rc = compose(store, o, &v, out);
	*changed = v.round ? v.version / v.round * CLOCK_SECOND : 0;
	bytes_free(&v.json);
	return rc;
}

gid_t store_export_group(const struct store *store)
{
	return store->export_gid;
}

/* --- segments of the journal --- */

/* The head that all records of a segment have, and the length of their
 * envelopes, newline included. */
static int frame(const struct store *store, int64_t segment, struct bytes *head,
    int64_t *len)
{
	int rc = export_record_head(store->id, segment, head);

	*len = (int64_t)head->len + EXPORT_TAIL + 1;
	return rc;
}

static void read_segment(const struct db_row *row, union store_any *out)
{
	snprintf(out->object.name, sizeof(out->object.name), "%08" PRId64,
	    out->object.id);
	out->object.place = STORE_ROOT;
	out->segment.records = db_int(row, DB_SEGMENT_RECORDS);
	out->segment.length = db_int(row, DB_SEGMENT_LENGTH);
}

const struct object_kind store_segment_kind = {
    .number = STORE_SEGMENT,
    .get = DB_SEGMENT_GET,
    .find = DB_SEGMENT_GET,
    .each = DB_SEGMENT_EACH,
    .numbered = true,
    .read = read_segment,
};

int store_segment_size(
    struct store *store, const struct store_segment *segment, size_t *len)
{
	CLEANUP_BYTES struct bytes head = {0};
	int64_t each;
	int rc = frame(store, segment->object.id, &head, &each);

	*len = (size_t)(segment->length + segment->records * each);
	return rc;
}

struct reading {
	struct store *store;
	struct db_conn *conn;
	struct bytes head, record;
	int64_t first;	/* number of the last record before the segment */
	int64_t before; /* end offset of that record */
	int64_t offset;
	size_t left;
	struct bytes *out;
};

static int read_ends(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, DB_EVENT_ENDS);
	return 1;
}

static int make_record(struct reading *r, const struct db_row *row)
{
	r->record.len = 0;
	int rc = bytes_add(&r->record, r->head.data, r->head.len);
	if (!rc)
		rc = record_of_event(r->conn, row, &r->record);
	if (!rc)
		rc = export_seal(r->store, &r->record);
	return rc ? rc : bytes_add(&r->record, "\n", 1);
}

static int read_record(const struct db_row *row, void *arg)
{
	struct reading *r = arg;
	int64_t each = (int64_t)r->head.len + EXPORT_TAIL + 1;
	int64_t end = db_int(row, DB_EVENT_ENDS) - r->before +
		      (db_int(row, DB_EVENT_SEQ) - r->first) * each;
	int rc = make_record(r, row);

	if (rc)
		return rc;
	int64_t from = end - (int64_t)r->record.len;
	size_t before = r->out->len;
	rc = bytes_add_part(r->out, &r->record,
	    r->offset > from ? (size_t)(r->offset - from) : 0, r->left);
	r->left -= r->out->len - before;
	return rc ? rc : r->left == 0;
}

int store_segment_read(struct store *store, const struct store_segment *segment,
    int64_t offset, size_t size, struct bytes *out)
{
	struct db_conn *conn = db_reader(store->db);
	int64_t each, id = segment->object.id;
	struct reading r = {.store = store,
	    .conn = conn,
	    .first = (id - 1) * EXPORT_SEGMENT,
	    .offset = offset,
	    .left = size,
	    .out = out};
	int rc = frame(store, id, &r.head, &each);

	if (!rc)
		rc = db_each(conn, DB_EVENT_GET, DB_ARGS(DB_INT(r.first)),
		    read_ends, &r.before);
	if (!rc)
		rc = db_each(conn, DB_EVENT_SEGMENT,
		    DB_ARGS(DB_INT(r.first), DB_INT(EXPORT_SEGMENT),
			DB_INT(offset), DB_INT(each)),
		    read_record, &r);
	bytes_free(&r.head);
	bytes_free(&r.record);
	return rc;
}
