/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/backup/export.h"
#include "store/backup/journal.h"
#include "store/backup/line.h"
#include "store/backup/merge.h"
#include "store/backup/reader.h"
#include "store/backup/record.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/columns.h"
#include "store/enroll/alt_name.h"
#include "store/internal.h"
#include "store/objects/former.h"
#include "store/objects/shown.h"

/* Fills a store from a copy of export/, in one transaction. Groups, keys and
 * certificates come from their files, everything else from the trail, in order.
 * If the copy mixes files of different times, the newest wins. */

struct missing {
	enum store_kind kind;
	int64_t id;
	char path[STORE_PATH];
};

/* --- objects --- */

struct about {
	enum db_kind kind;
	int64_t id;
};

/* Parses the JSON of an object or the store; free it with json_decref. NULL if
 * its kind is unknown. */
static json_t *load(const char *text, struct about *about)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	about->kind = merge_kind(json);
	about->id = json_integer_value(json_object_get(json, "id"));
	if (about->kind != DB_KINDS)
		return json;
	json_decref(json);
	return NULL;
}

/* Whether an object's file was present; set: marks it as present. Returns 1, 0,
 * -EBADMSG (no valid id) or -ENOMEM. */
static int seen(struct restore *r, enum db_kind kind, int64_t id, bool set)
{
	struct bytes *bits = &r->seen[kind];
	size_t at = (size_t)id / 8;
	unsigned char bit = (unsigned char)(1 << id % 8);

	if (id < 0 || id > STORE_ID_MAX)
		return -EBADMSG;
	if (set && at >= bits->len && bytes_extend(bits, at + 1 - bits->len))
		return -ENOMEM;
	if (set)
		bits->data[at] |= bit;
	return at < bits->len && bits->data[at] & bit;
}

/* store.json has been read already. */
static bool is_store(const char *path)
{
	return strcmp(path, "store.json") == 0;
}

static int take_file(const char *path, const char *text, void *arg)
{
	struct restore *r = arg;
	struct about about = {0};

	if (is_store(path))
		return 0;
	json_t *json = load(text, &about);
	if (!json || about.kind > DB_KEY ||
	    seen(r, about.kind, about.id, true) < 0) {
		json_decref(json);
		return copy_wrong(&r->copy, path,
		    "is of a kind that this version does not know");
	}
	int rc = merge_row(r->conn, about.kind, json);
	json_decref(json);
	return rc ? copy_wrong(&r->copy, path, "cannot be stored") : 0;
}

/* Merges the objects' states in the trail, in order: the newest version
 * wins. */
static int take_noted(const struct db_row *row, void *arg)
{
	struct restore *r = arg;
	CLEANUP_BYTES struct bytes text = {0};
	struct about about = {0};
	size_t len;
	const void *data = db_blob(row, 0, &len);
	int rc = bytes_add(&text, data, len);

	if (!rc)
		rc = bytes_add(&text, "", 1);
	if (rc)
		return rc;
	json_t *json = load((char *)text.data, &about);
	if (json && about.kind < DB_MEMBER)
		rc = merge_row(r->conn, about.kind, json);
	json_decref(json);
	return rc;
}

static int take_places(struct restore *r)
{
	const json_t *places = json_object_get(r->store_object, "places");
	size_t i;
	json_t *place;
	int rc = 0;

	json_array_foreach(places, i, place)
	{
		if (!rc)
			rc = merge_row(r->conn, DB_PLACE, place);
	}
	return rc;
}

/* --- the trail --- */

static int take_part(struct restore *r, enum db_kind kind, const char *text)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	int rc = !text ? 0 : json ? merge_row(r->conn, kind, json) : -EBADMSG;

	json_decref(json);
	return rc;
}

static bool is_trim(const char *text)
{
	return strncmp(text, RECORD_TRIM, strlen(RECORD_TRIM)) == 0;
}

/* Objects are merged after the last record, by take_noted. */
static int take_data(struct restore *r, const char *text)
{
	struct about about = {0};
	json_t *json = text && !is_trim(text) ? load(text, &about) : NULL;
	int rc = text && !is_trim(text) && !json ? -EBADMSG : 0;

	if (json && about.kind >= DB_MEMBER)
		rc = merge_row(r->conn, about.kind, json);
	json_decref(json);
	return rc;
}

static int64_t id_of(const char *text)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	int64_t id = json_integer_value(json_object_get(json, "id"));

	json_decref(json);
	return id;
}

static int append(struct restore *r, const struct record_parts *parts)
{
	struct event event = {
	    .at = parts->at,
	    .issued = id_of(record_part(parts, RECORD_ISSUED)),
	    .data = record_part(parts, RECORD_DATA),
	};

	return journal_append_text(
	    r->conn, &event, record_part(parts, RECORD_LOG));
}

static int take_parts(struct restore *r, const struct record_parts *parts)
{
	int rc = take_part(r, DB_ENROLLED, record_part(parts, RECORD_MEMBER));

	if (!rc)
		rc = take_part(r, DB_ISSUED, record_part(parts, RECORD_ISSUED));
	if (!rc)
		rc = take_data(r, record_part(parts, RECORD_DATA));
	return rc ? rc : append(r, parts);
}

struct made_again {
	struct restore *r;
	struct bytes text;
};

static int make_again(const struct db_row *row, void *arg)
{
	struct made_again *again = arg;

	return record_of_event(again->r->conn, row, &again->text);
}

/* Whether the restored store would export the same record. */
static bool made_again(
    struct restore *r, int64_t seq, const char *text, size_t len)
{
	struct made_again again = {.r = r};
	int rc = db_each(
	    r->conn, DB_EVENT_GET, DB_ARGS(DB_INT(seq)), make_again, &again);
	bool same = !rc && again.text.len == len &&
		    memcmp(again.text.data, text, len) == 0;

	bytes_free(&again.text);
	return same;
}

/* Whether this is the record that store.json names, if it has that number. */
static bool fits_mark(
    const struct restore *r, int64_t seq, const struct record_parts *parts)
{
	const char *line = record_part(parts, RECORD_LOG);
	unsigned char hash[PKI_HASH];
	char text[2 * PKI_HASH + 1];

	if (seq != r->mark.records)
		return true;
	if (!line || pki_sha256(line, strlen(line), hash))
		return false;
	hex_text(hash, PKI_HASH, text);
	return strcmp(text, r->mark.hash) == 0;
}

/* Whether a trim that the trail records is the one that store.json names. */
static bool fits_anchor(
    const struct restore *r, const struct record_parts *parts)
{
	const char *text = record_part(parts, RECORD_DATA);
	struct anchor anchor;

	if (!text || !is_trim(text))
		return true;
	json_t *json = json_loads(text, 0, NULL);
	bool fits = json && anchor_parse(json, &anchor) &&
		    anchor.records == r->anchor.records &&
		    anchor.line == r->anchor.line &&
		    strcmp(anchor.hash, r->anchor.hash) == 0;
	json_decref(json);
	return fits;
}

static const char *take_record(
    int64_t seq, const char *line, const char *text, size_t len, void *arg)
{
	struct restore *r = arg;
	struct record_parts parts = {0};
	int rc = record_split(text, len, &parts);
	bool fits = fits_mark(r, seq, &parts);

	(void)line;
	if (!rc && !fits_anchor(r, &parts)) {
		record_parts_free(&parts);
		return "begins the trail of a store that was trimmed, and store.json is from before: copy all of export/ again";
	}
	if (!rc)
		rc = take_parts(r, &parts);
	record_parts_free(&parts);
	if (!fits)
		return "is not the one that store.json names: they are of copies whose stores went different ways";
	if (rc == -EBADMSG)
		return "is of a kind that this version does not know";
	if (rc)
		return "cannot be stored";
	return made_again(r, seq, text, len)
		   ? NULL
		   : "cannot be made again as it is: of another version?";
}

/* --- the end --- */

/* Logs a fault; arg counts them. */
static int say(const struct db_row *row, void *arg)
{
	char text[400];

	++*(int *)arg;
	db_text(row, 0, text, sizeof(text));
	report(LOG_ERR, "%s", text);
	return 0;
}

static int say_link(const char *what, void *arg)
{
	++*(int *)arg;
	report(LOG_ERR, "database: %s", what);
	return 0;
}

static int say_lost(const struct db_row *row, void *arg)
{
	const struct restore *r = arg;
	char path[STORE_PATH];

	db_text(row, 0, path, sizeof(path));
	report(LOG_WARNING,
	    "%s/%s.json has counted %" PRId64
	    " certificates that %s/trail has not: they are valid, and cannot be revoked here",
	    r->copy.from, path, db_int(row, 1), r->copy.from);
	return 0;
}

static int check_seen(const struct db_row *row, void *arg)
{
	struct restore *r = arg;
	struct missing missing = {
	    .kind = (enum store_kind)db_int(row, 0), .id = db_int(row, 1)};
	char file[STORE_PATH + 8];
	int there = seen(r, (enum db_kind)missing.kind, missing.id, false);

	if (there < 0 || (there && !db_int(row, 3)))
		return there < 0 ? there : 0;
	db_text(row, 2, missing.path, sizeof(missing.path));
	snprintf(file, sizeof(file), "%s.json", missing.path);
	copy_wrong(&r->copy, file,
	    r->copy.how->skip_missing
		? "is missing"
		: "is missing: made or renamed while the copy was taken? --skip-missing goes on without it");
	return bytes_add(&r->missing, &missing, sizeof(missing));
}

static int run_all(struct db_conn *conn, const enum db_query *queries,
    const struct db_value *args)
{
	int rc = 0;

	for (; *queries != DB_NONE && rc >= 0; queries++)
		rc = db_run(conn, *queries, args);
	return rc < 0 ? rc : 0;
}

/* Calls fn for what is missing, except groups: they have no secret, and the
 * trail has all their states. */
static int each_missing(
    struct restore *r, int (*fn)(struct restore *, const struct missing *))
{
	const struct missing *missing = (const struct missing *)r->missing.data;
	int rc = 0;

	for (size_t i = 0; i < r->missing.len / sizeof(*missing) && !rc; i++)
		if (missing[i].kind != STORE_GROUP)
			rc = fn(r, &missing[i]);
	return rc;
}

static int leave_out(struct restore *r, const struct missing *missing)
{
	int rc = db_run(r->conn,
	    missing->kind == STORE_CERT ? DB_RESTORE_LEAVE_CERT
					: DB_RESTORE_LEAVE_KEY,
	    DB_ARGS(DB_INT(missing->id)));

	if (rc >= 0)
		rc = db_run(r->conn, DB_FILE_OWNER_DROP_ALL,
		    DB_ARGS(DB_INT(missing->kind), DB_INT(missing->id)));
	return rc < 0 ? rc : 0;
}

/* Deletes an object whose file is missing, with a line in the audit trail. */
static int delete_missing(struct restore *r, const struct missing *missing)
{
	struct store_call call = {.uid = r->store->uid,
	    .gid = r->store->gid,
	    .pid = getpid(),
	    .comm = "mkfs.enrollfs"};
	int64_t now = r->now;
	bool cert = missing->kind == STORE_CERT;
	int rc = cert ? db_run(r->conn, DB_RESTORE_DROP_CERT,
			    DB_ARGS(DB_INT(missing->id), DB_INT(now),
				DB_INT(now / CLOCK_SECOND)))
		      : db_run(r->conn, DB_RESTORE_DROP_KEY,
			    DB_ARGS(DB_INT(missing->id), DB_INT(now)));

	if (rc == 0)
		return copy_wrong(&r->copy, missing->path,
		    "cannot be left out: a group, a key or something it issued needs it");
	return rc < 0 ? rc
		      : audit_add(r->conn, &call, now,
			    &(struct audit){
				.action = "rmdir", .object = missing->path});
}

/* Clears the provisional `removed` = 0, parents first. */
static int revive(struct restore *r)
{
	static const enum db_query stages[] = {DB_RESTORE_CERTS,
	    DB_RESTORE_GROUPS, DB_RESTORE_KEYS, DB_RESTORE_MEMBERS,
	    DB_RESTORE_PENDING_GONE, DB_RESTORE_PENDING, DB_PENDING_DROP_FILES,
	    DB_RESTORE_NEWEST, DB_RESTORE_PREVIOUS, DB_RESTORE_VACATED,
	    DB_NONE};
	int faults = 0;
	int rc = db_each(r->conn, DB_RESTORE_DATA, NULL, take_noted, r);

	if (!rc)
		rc = db_each(r->conn, DB_RESTORE_ALIVE, NULL, check_seen, r);
	if (rc)
		return rc;
	if (r->missing.len && !r->copy.how->skip_missing)
		return -EBADMSG;
	rc = each_missing(r, leave_out);
	if (!rc)
		rc = db_each(r->conn, DB_RESTORE_TWICE, NULL, say, &faults);
	if (!rc && faults)
		return copy_wrong(&r->copy, "", "is of different times");
	if (!rc)
		rc = run_all(r->conn, stages, NULL);
	if (!rc)
		rc = former_each(r->conn, former_add, NULL);
	return rc ? rc : alt_name_each(r->conn, alt_name_add, NULL);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Sets the earliest second that files of this store show: later than any that
 * the lost store has shown. */
static int show_later(struct restore *r, int64_t now)
{
	int64_t shown = json_integer_value(
	    json_object_get(r->store_object, "latest"));
	int64_t at = 0, floor = now / CLOCK_SECOND;
	char text[24];
	int rc = db_each(r->conn, DB_AUDIT_MOMENT, NULL, db_read_int, &at);

	floor = later(floor, later(shown, at / CLOCK_SECOND)) + 1;
	int n = snprintf(text, sizeof(text), "%" PRId64, floor);
	if (!rc)
		rc = db_change(r->conn, DB_SETTING_ADD,
		    DB_ARGS(DB_TEXT("shown_floor"), DB_BLOB(text, (size_t)n)));
	return rc || !shown ? rc
			    : db_change(r->conn, DB_RESTORE_LATEST,
				  DB_ARGS(DB_INT(shown)));
}

/* Computes counters and times of lists again. */
static int count_again(struct restore *r, int64_t now)
{
	static const enum db_query count[] = {
	    DB_RESTORE_COUNTS, DB_RESTORE_LISTS, DB_NONE};
	int rc = run_all(r->conn, count, DB_ARGS(DB_INT(now)));

	if (!rc)
		rc = db_change(r->conn, DB_RESTORE_ISSUED, NULL);
	if (!rc)
		rc = db_change(r->conn, DB_RESTORE_COMPROMISED, NULL);
	for (int place = STORE_ROOT; place < STORE_PLACES && !rc; place++)
		rc = db_change(r->conn, DB_PLACE_CHANGED,
		    DB_ARGS(DB_INT(place), DB_INT(now)));
	return rc;
}

struct key_count {
	int64_t key, certs, last;
};

static int add_count(const struct db_row *row, void *arg)
{
	struct key_count count = {
	    db_int(row, 0), db_int(row, 1), db_int(row, 2)};

	return bytes_add(arg, &count, sizeof(count));
}

/* A key's uses: the larger of its counter and the number of certificates. */
static int count_uses(struct restore *r)
{
	CLEANUP_BYTES struct bytes counts = {0};
	int rc = db_each(r->conn, DB_RESTORE_USES, NULL, add_count, &counts);
	const struct key_count *c = (const struct key_count *)counts.data;

	for (size_t i = 0; i < counts.len / sizeof(*c) && !rc; i++)
		rc = db_change(r->conn, DB_RESTORE_COUNT,
		    DB_ARGS(DB_INT(c[i].key), DB_INT(c[i].certs),
			DB_INT(c[i].last)));
	return rc;
}

static int conclude(struct restore *r)
{
	int64_t now = r->now;
	int faults = 0, rc = revive(r);

	if (!rc)
		rc = count_again(r, now);
	if (!rc)
		rc = show_later(r, now);
	if (!rc)
		rc = db_change(r->conn, DB_RESTORE_END, NULL);
	if (!rc)
		rc = db_check(r->conn, DB_CHECK_LINKS, say_link, &faults);
	if (!rc && faults)
		return copy_wrong(&r->copy, "", "is not complete");
	journal_pause(r->conn, false);
	if (!rc)
		rc = each_missing(r, delete_missing);
	if (!rc)
		rc = db_each(r->conn, DB_RESTORE_LOST, NULL, say_lost, r);
	return rc ? rc : count_uses(r);
}

/* store.json is copied first, so the trail must have the records that it names.
 * An incomplete last record has been reported already. */
static int check_length(const struct restore *r)
{
	int64_t left = r->mark.records - r->copy.records - r->copy.torn;
	bool accept = r->copy.how->accept_older;

	if (left <= 0)
		return 0;
	report(accept ? LOG_WARNING : LOG_ERR,
	    "%s/trail: %" PRId64 " of the %" PRId64
	    " records that store.json names are missing: what they revoked or changed %s",
	    r->copy.from, left, r->mark.records,
	    accept
		? "is forgotten"
		: "would be forgotten; --accept-older restores without them");
	return accept ? 0 : -EBADMSG;
}

static int add_setting(
    struct db_conn *conn, const char *name, const void *value, size_t len)
{
	return db_change(
	    conn, DB_SETTING_ADD, DB_ARGS(DB_TEXT(name), DB_BLOB(value, len)));
}

/* Copies of version 0.1.0 have no audit_private. */
static int add_settings(struct restore *r)
{
	const struct store *store = r->store;
	const char *hex = json_string_value(
	    json_object_get(r->store_object, "seal_check"));
	size_t n = hex ? strlen(hex) / 2 : 0;
	CLEANUP_BYTES struct bytes check = {0};
	int rc = bytes_extend(&check, n);

	if (!rc && hex_bytes(hex, 2 * n, check.data, n))
		rc = -EBADMSG;
	if (!rc)
		rc = add_setting(
		    r->conn, "store_id", store->id, strlen(store->id));
	if (!rc)
		rc = add_setting(
		    r->conn, "domain", store->domain, strlen(store->domain));
	if (!rc)
		rc = add_setting(r->conn, "seal_check", check.data, n);
	if (rc || !json_integer_value(
		      json_object_get(r->store_object, "audit_private")))
		return rc;
	return add_setting(r->conn, "audit_private", "\1", 1);
}

/* Ids of rows that a trim has deleted. */
static int add_last_id(struct restore *r)
{
	int64_t last = json_integer_value(
	    json_object_get(r->store_object, "last_id"));
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, last);

	return last > 0 ? add_setting(r->conn, "last_id", text, (size_t)n) : 0;
}

/* After a trim, the trail begins where store.json says. */
static int begin_trail(struct restore *r)
{
	unsigned char hash[PKI_HASH] = {0};
	int rc = add_last_id(r);

	if (rc || !r->anchor.records)
		return rc;
	if (hex_bytes(
		r->anchor.hash, strlen(r->anchor.hash), hash, sizeof(hash)))
		return -EBADMSG;
	journal_restart(r->conn, r->anchor.records, r->anchor.line, hash);
	return anchor_write(r->conn, r->store, &r->anchor);
}

static int restore(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct restore *r = arg;

	r->conn = conn;
	r->now = batch->now;
	journal_pause(conn, true);
	int rc = db_bulk(conn);
	if (!rc)
		rc = db_change(
		    conn, DB_RESTORE_BEGIN, DB_ARGS(DB_BLOB("\1", 1)));
	if (!rc)
		rc = add_settings(r);
	if (!rc)
		rc = begin_trail(r);
	if (!rc)
		rc = take_places(r);
	if (!rc)
		rc = copy_each_file(&r->copy, take_file, r);
	if (!rc)
		rc = copy_each_record(&r->copy, take_record, r);
	if (!rc)
		rc = check_length(r);
	return rc ? rc : conclude(r);
}

const struct db_job restore_job = {.record = restore};
