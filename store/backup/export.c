/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/kind.h"

/*
 * What a backup copies: of a group, a key, a certificate or the store one JSON
 * object each, secrets as they are sealed; of everything else the journal, a
 * JSON object a line, in segments. Each of them in an envelope, see there.
 *
 * rsync(1) compares sizes and seconds, so both are made to tell: the journal
 * only grows; an object has a version that only grows, seconds * 1,024 and what
 * tells changes within one second apart, which is added to a size rounded up to
 * 1,024. store.json names the newest record of the audit trail, so it changes
 * with each: its version is made of that line's moment and number, of which
 * audit_add sees to it that EXPORT_ROUND lines never share a second.
 */

enum { ROUND = 1024 };

/* --- objects --- */

struct view {
	struct bytes json; /* the object with its braces */
	int64_t version;   /* seconds * round, and what is added to the size */
	int64_t round;	   /* that the size is rounded up to */
};

static int read_view(const struct db_row *row, void *arg)
{
	struct view *v = arg;
	size_t len;
	const void *json = db_blob(row, 0, &len);

	v->version = db_int(row, 1);
	v->round = ROUND;
	return bytes_add(&v->json, json, len);
}

/*
 * The mark in store.json: how many records the trail has up to the last line of
 * the audit trail, and that line's hash; and the latest second that any file
 * shows. Each commit that matters ends with such a line. A copy is read in this
 * order: one with fewer records has lost some since.
 */
static int add_mark(struct view *v, const void *line, size_t len,
    int64_t records, int64_t latest)
{
	unsigned char hash[PKI_HASH];
	char text[2 * PKI_HASH + 1];
	int rc = pki_sha256(line, len, hash);

	if (rc)
		return rc;
	hex_text(hash, PKI_HASH, text);
	v->json.len--; /* its brace */
	return bytes_printf(&v->json,
	    ",\"records\":%" PRId64 ",\"log_head\":\"%s\",\"latest\":%" PRId64
	    "}",
	    records, text, latest);
}

static int read_store_view(const struct db_row *row, void *arg)
{
	struct view *v = arg;
	size_t len;
	const void *line = db_blob(row, 2, &len);
	int rc = read_view(row, arg);

	v->round = EXPORT_ROUND;
	v->version = db_int(row, 3) / CLOCK_SECOND * EXPORT_ROUND +
		     db_int(row, 4) % EXPORT_ROUND;
	return rc || !len
		   ? rc
		   : add_mark(v, line, len, db_int(row, 5), db_int(row, 6));
}

/* Where its file stands below export/. */
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
	static const enum db_query query[STORE_KINDS] = {
	    [STORE_PLACE] = DB_EXPORT_STORE,
	    [STORE_CERT] = DB_EXPORT_CERT,
	    [STORE_GROUP] = DB_EXPORT_GROUP,
	    [STORE_KEY] = DB_EXPORT_KEY,
	};
	struct db_conn *conn = db_reader(store->db);
	struct view v = {0};
	bool one = object->object.kind != STORE_PLACE;
	int rc = db_one(conn, query[object->object.kind],
	    one ? DB_ARGS(DB_INT(object->object.id)) : NULL,
	    one ? read_view : read_store_view, &v, -ESTALE);

	if (!rc)
		rc = compose(store, &object->object, &v, out);
	*changed = v.round ? v.version / v.round * CLOCK_SECOND : 0;
	bytes_free(&v.json);
	return rc;
}

gid_t store_export_group(const struct store *store)
{
	return store->export_gid;
}

/* --- segments of the journal --- */

/* What every record of a segment has beside its text: all of the same length,
 * newline included. */
static int frame(const struct store *store, int64_t segment, struct bytes *head,
    int64_t *len)
{
	int rc = export_record_head(store->id, segment, head);

	*len = (int64_t)head->len + EXPORT_TAIL + 1;
	return rc;
}

static void read_segment(const struct db_row *row, union store_any *out)
{
	out->object.place = STORE_ROOT;
	out->segment.records = db_int(row, DB_SEGMENT_RECORDS);
	out->segment.length = db_int(row, DB_SEGMENT_LENGTH);
}

const struct object_kind store_segment_kind = {
    .get = DB_SEGMENT_GET,
    .find = DB_SEGMENT_FIND,
    .each = DB_SEGMENT_EACH,
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
	const struct store *store;
	struct bytes head, record;
	int64_t offset;
	size_t left;
	struct bytes *out;
};

static int read_record(const struct db_row *row, void *arg)
{
	struct reading *r = arg;
	size_t len;
	const void *text = db_blob(row, 1, &len);
	int64_t end = db_int(row, 2);

	r->record.len = 0;
	int rc = bytes_add(&r->record, r->head.data, r->head.len);
	if (!rc)
		rc = bytes_add(&r->record, text, len);
	if (!rc)
		rc = export_seal(r->store, &r->record);
	if (!rc)
		rc = bytes_add(&r->record, "\n", 1);
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
	struct reading r = {
	    .store = store, .offset = offset, .left = size, .out = out};
	int64_t each, id = segment->object.id;
	int rc = frame(store, id, &r.head, &each);

	if (!rc)
		rc = db_each(conn, DB_SEGMENT_READ,
		    DB_ARGS(DB_INT((id - 1) * EXPORT_SEGMENT), DB_INT(offset),
			DB_INT(each)),
		    read_record, &r);
	bytes_free(&r.head);
	bytes_free(&r.record);
	return rc < 0 ? rc : 0;
}
