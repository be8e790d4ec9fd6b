/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/backup/export.h"
#include "store/backup/reader.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

/*
 * Fills a store from a copy of export/. The files say what groups, keys and
 * certificates are, the trail everything else, in the order in which it
 * happened; where a copy was taken while things changed, the newer of the two
 * says it. All of it is one transaction.
 */

struct missing {
	enum store_kind kind;
	int64_t id;
	char path[STORE_PATH];
};

/* --- objects --- */

static const struct {
	const char *name;
	enum store_kind kind;
	enum db_query query;
} kinds[] = {
    {"store", STORE_PLACE, DB_RESTORE_PLACES},
    {"place", STORE_PLACE, DB_RESTORE_PLACES},
    {"cert", STORE_CERT, DB_RESTORE_CERT},
    {"grp", STORE_GROUP, DB_RESTORE_GROUP},
    {"prov_key", STORE_KEY, DB_RESTORE_KEY},
    {"member", STORE_MEMBER, DB_RESTORE_MEMBER_CHANGED},
    {"revoked", STORE_KINDS, DB_RESTORE_REVOKED},
    {"crl", STORE_KINDS, DB_RESTORE_CRL},
};

struct about {
	size_t kind; /* in the table above; behind its end: unknown */
	int64_t id;
	bool removed;
};

static int read_about(const struct db_row *row, void *arg)
{
	struct about *about = arg;
	char name[16];

	db_text(row, 0, name, sizeof(name));
	about->id = db_int(row, 1);
	about->removed = db_int(row, 2);
	for (about->kind = 0; about->kind < sizeof(kinds) / sizeof(kinds[0]);
	     about->kind++)
		if (strcmp(name, kinds[about->kind].name) == 0)
			break;
	return 1;
}

static int look_at(struct restore *r, const char *json, struct about *about)
{
	int rc = db_each(r->conn, DB_RESTORE_KIND, DB_ARGS(DB_TEXT(json)),
	    read_about, about);

	return rc < 0						 ? rc
	       : about->kind == sizeof(kinds) / sizeof(kinds[0]) ? -EBADMSG
								 : 0;
}

/* One that says what something is, or what has happened to it; if it is newer
 * than what is there. */
static int apply(struct restore *r, const char *json, const struct about *about)
{
	enum store_kind kind = kinds[about->kind].kind;
	int rc = db_run(
	    r->conn, kinds[about->kind].query, DB_ARGS(DB_TEXT(json)));

	if (rc <= 0 || kind == STORE_KINDS)
		return rc < 0 ? rc : 0;
	rc = db_run(r->conn, DB_FILE_OWNER_DROP_ALL,
	    DB_ARGS(DB_INT(kind), DB_INT(about->id)));
	if (rc >= 0 && !about->removed)
		rc = db_run(r->conn, DB_RESTORE_OWNERS,
		    DB_ARGS(DB_TEXT(json), DB_INT(kind)));
	return rc < 0 ? rc : 0;
}

/* Whether there was a file of it; with set, there is. */
static int seen(struct restore *r, enum store_kind kind, int64_t id, bool set)
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

static int take_file(const char *path, const char *text, void *arg)
{
	struct restore *r = arg;
	struct about about = {0};

	if (look_at(r, text, &about) ||
	    seen(r, kinds[about.kind].kind, about.id, true) < 0)
		return copy_wrong(&r->copy, path,
		    "is of a kind that this version does not know");
	return apply(r, text, &about)
		   ? copy_wrong(&r->copy, path, "cannot be stored")
		   : 0;
}

static int take_newest(const struct db_row *row, void *arg)
{
	CLEANUP_BYTES struct bytes text = {0};
	struct about about = {0};
	size_t len;
	const void *json = db_blob(row, 0, &len);
	int rc = bytes_add(&text, json, len);

	if (!rc)
		rc = bytes_add(&text, "", 1);
	if (!rc)
		rc = look_at(arg, (char *)text.data, &about);
	return rc ? rc : apply(arg, (char *)text.data, &about);
}

/* --- the trail --- */

/* Parts of a record, each NUL-terminated and empty if it has it not. */
enum { LOG, ISSUED, MEMBER, DATA, PARTS };

struct record {
	int64_t at, log, issued;
	struct bytes part[PARTS];
};

static int read_record(const struct db_row *row, void *arg)
{
	struct record *record = arg;
	int rc = 0;

	record->at = db_int(row, 1);
	record->log = db_int(row, 2);
	record->issued = db_int(row, 3);
	for (int i = 0; i < PARTS && !rc; i++) {
		size_t len;
		const void *text = db_blob(row, 4 + i, &len);
		rc = bytes_add(&record->part[i], text, len);
		if (!rc && len)
			rc = bytes_add(&record->part[i], "", 1);
	}
	return rc ? rc : 1;
}

static int take_data(struct restore *r, const char *json)
{
	struct about about = {0};
	int rc = look_at(r, json, &about);

	/* the others are looked at when all of them are there */
	if (rc || (kinds[about.kind].kind < STORE_MEMBER))
		return rc;
	return apply(r, json, &about);
}

static int take_line(
    struct restore *r, const struct record *record, const char *line)
{
	struct db_value issued = record->issued ? DB_INT(record->issued)
						: DB_NIL;
	int rc = db_run(r->conn, DB_RESTORE_LOG,
	    DB_ARGS(DB_TEXT(line), DB_INT(record->at), issued));

	if (rc >= 0)
		rc = db_run(r->conn, DB_RESTORE_WHOLE,
		    DB_ARGS(DB_INT(record->log), DB_TEXT(line)));
	return rc < 0 ? rc : 0;
}

static int take_parts(struct restore *r, const struct record *record)
{
	const char *part[PARTS];
	int rc = 0;

	for (int i = 0; i < PARTS; i++)
		part[i] = record->part[i].len ? (char *)record->part[i].data
					      : NULL;
	if (part[MEMBER])
		rc = db_run(
		    r->conn, DB_RESTORE_MEMBER, DB_ARGS(DB_TEXT(part[MEMBER])));
	if (rc >= 0 && part[ISSUED])
		rc = db_run(
		    r->conn, DB_RESTORE_ISSUED, DB_ARGS(DB_TEXT(part[ISSUED])));
	if (rc >= 0 && part[LOG])
		rc = take_line(r, record, part[LOG]);
	if (rc >= 0 && part[DATA])
		rc = take_data(r, part[DATA]);
	if (rc < 0)
		return rc;
	rc = db_run(r->conn, DB_RESTORE_NOTE,
	    DB_ARGS(part[DATA] ? DB_INT(record->at) : DB_NIL,
		part[LOG] ? DB_INT(record->log) : DB_NIL,
		part[ISSUED] && !part[LOG] ? DB_INT(record->issued) : DB_NIL,
		part[DATA] ? DB_TEXT(part[DATA]) : DB_NIL));
	return rc < 0 ? rc : 0;
}

/* Its export would be this record again. */
static bool made_again(
    struct restore *r, int64_t seq, const char *text, size_t len)
{
	CLEANUP_BYTES struct bytes again = {0};
	int rc = db_each(r->conn, DB_JOURNAL_TEXT, DB_ARGS(DB_INT(seq)),
	    db_read_blob, &again);

	return !rc && again.len == len && memcmp(again.data, text, len) == 0;
}

/* Whether it is the record that store.json names, if it has that number. */
static bool fits_mark(
    const struct restore *r, int64_t seq, const struct record *record)
{
	const struct bytes *line = &record->part[LOG];
	unsigned char hash[PKI_HASH];
	char text[2 * PKI_HASH + 1];

	if (seq != r->mark.records)
		return true;
	if (!line->len || pki_sha256(line->data, line->len - 1, hash))
		return false;
	hex_text(hash, PKI_HASH, text);
	return strcmp(text, r->mark.hash) == 0;
}

static const char *take_record(
    int64_t seq, const char *line, const char *text, size_t len, void *arg)
{
	struct restore *r = arg;
	struct record record = {0};
	int rc = db_each(r->conn, DB_RESTORE_RECORD, DB_ARGS(DB_TEXT(line)),
	    read_record, &record);

	bool fits = fits_mark(r, seq, &record);
	if (!rc)
		rc = take_parts(r, &record);
	for (int i = 0; i < PARTS; i++)
		bytes_free(&record.part[i]);
	if (!fits)
		return "is not the one that store.json names: they are of copies whose stores went different ways";
	if (rc == -EBADMSG)
		return "is of a kind that this version does not know";
	if (rc < 0)
		return "cannot be stored";
	return made_again(r, seq, text, len)
		   ? NULL
		   : "cannot be made again as it is: of another version?";
}

/* --- all of it --- */

/* arg: counts them. */
static int say(const struct db_row *row, void *arg)
{
	char text[400];

	++*(int *)arg;
	db_text(row, 0, text, sizeof(text));
	report(LOG_ERR, "%s", text);
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
	int there = seen(r, missing.kind, missing.id, false);

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

/* What is missing, but for groups: they have no secret, and the trail says all
 * of them. */
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

/* Deletes it, with a record of that as of any other. */
static int delete_missing(struct restore *r, const struct missing *missing)
{
	struct store_call call = {.uid = r->store->uid,
	    .gid = r->store->gid,
	    .pid = getpid(),
	    .comm = "mkfs.enrollfs"};
	int64_t now = clock_now();
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

/* Whose turn it is to be alive. */
static int bring_to_life(struct restore *r)
{
	static const enum db_query stages[] = {DB_RESTORE_CERTS,
	    DB_RESTORE_GROUPS, DB_RESTORE_KEYS, DB_RESTORE_MEMBERS,
	    DB_RESTORE_VACATED, DB_NONE};
	int faults = 0;
	int rc = db_each(r->conn, DB_RESTORE_NEWEST, NULL, take_newest, r);

	if (rc >= 0)
		rc = db_each(r->conn, DB_RESTORE_ALIVE, NULL, check_seen, r);
	if (rc < 0)
		return rc;
	if (r->missing.len && !r->copy.how->skip_missing)
		return -EBADMSG;
	rc = each_missing(r, leave_out);
	if (!rc)
		rc = db_each(r->conn, DB_RESTORE_TWICE, NULL, say, &faults);
	if (!rc && faults)
		return copy_wrong(&r->copy, "", "is of different times");
	return rc ? rc : run_all(r->conn, stages, NULL);
}

/* What files of the lost store have shown, those of this one do not show
 * again. */
static int show_later(struct restore *r, int64_t now)
{
	struct db_value json = DB_TEXT((char *)r->store_json.data);
	int rc = db_run(r->conn, DB_RESTORE_FLOOR,
	    DB_ARGS(json, DB_INT(now / CLOCK_SECOND)));

	return rc < 0 ? rc : db_run(r->conn, DB_RESTORE_LATEST, DB_ARGS(json));
}

/* What follows from the rest. */
static int conclude(struct restore *r)
{
	static const enum db_query count[] = {
	    DB_RESTORE_COUNTS, DB_RESTORE_LISTS, DB_NONE};
	int64_t now = clock_now();
	int faults = 0, rc = bring_to_life(r);

	if (rc >= 0)
		rc = run_all(r->conn, count, DB_ARGS(DB_INT(now)));
	for (int place = STORE_ROOT; place < STORE_PLACES && rc >= 0; place++)
		rc = db_run(r->conn, DB_PLACE_CHANGED,
		    DB_ARGS(DB_INT(place), DB_INT(now)));
	if (rc >= 0)
		rc = show_later(r, now);
	if (rc >= 0)
		rc = db_run(r->conn, DB_RESTORE_END, NULL);
	if (rc >= 0)
		rc = db_each(r->conn, DB_CHECK_REFERENCES, NULL, say, &faults);
	if (!rc && faults)
		return copy_wrong(&r->copy, "", "is not complete");
	if (!rc)
		rc = each_missing(r, delete_missing);
	if (rc >= 0)
		rc = db_each(r->conn, DB_RESTORE_LOST, NULL, say_lost, r);
	return rc < 0 ? rc : db_run(r->conn, DB_RESTORE_USES, NULL);
}

/*
 * store.json is copied first: the trail has at least the records that it names,
 * or lost some. A torn one is told as that.
 */
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

int restore_job(struct db_conn *conn, void *arg)
{
	static const enum db_query begin[] = {
	    DB_RESTORE_DEFER, DB_RESTORE_CACHE, DB_RESTORE_BEGIN, DB_NONE};
	static const enum db_query settings[] = {
	    DB_RESTORE_SETTINGS, DB_RESTORE_AUDIT, DB_NONE};
	struct restore *r = arg;

	r->conn = conn;
	int rc = run_all(conn, begin, NULL);
	if (!rc)
		rc = run_all(conn, settings,
		    DB_ARGS(DB_TEXT((char *)r->store_json.data)));
	if (rc >= 0)
		rc = copy_each_file(&r->copy, take_file, r);
	if (!rc)
		rc = copy_each_record(&r->copy, take_record, r);
	if (!rc)
		rc = check_length(r);
	if (!rc)
		rc = conclude(r);
	return rc < 0 ? rc : 0;
}
