/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "store/audit.h"
#include "store/backup/export.h"
#include "store/backup/journal.h"
#include "store/backup/line.h"
#include "store/backup/moved.h"
#include "store/backup/record.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

/*
 * A restore makes a store from its journal, so the journal has to say of each
 * row that stays how it came to be. A trim makes it anew, in records behind
 * those that were: what stays, as it is now; and between its certificates and
 * what became of them, the lines of the audit trail that stay. The numbers
 * begin at a multiple of EXPORT_SEGMENT, so that no file of the exported trail
 * has records of before and behind: copies that still have old files are told
 * by the anchor in store.json which of them do not count.
 */

struct trimming {
	struct store *store;
	struct store_call *call;
	struct store_trim *trim;
	struct anchor anchor; /* with the lines that were moved; then the new
				 one */
	struct db_conn *conn; /* the job's */
	int64_t now;
	int64_t seq; /* of the last event that was read again */
	bool found;
};

static int run_all(struct trimming *t, const enum db_query *queries)
{
	int rc = 0;

	for (; *queries != DB_NONE && !rc; queries++)
		rc = db_change(t->conn, *queries, NULL);
	return rc;
}

/* --- members and their certificates --- */

static int note_removal(const struct db_row *row, void *arg)
{
	struct trimming *t = arg;
	char path[STORE_PATH];
	int64_t created = db_int(row, 2);

	db_text(row, 3, path, sizeof(path));
	int rc = db_change(t->conn, DB_GROUP_MEMBERS_CHANGED,
	    DB_ARGS(DB_INT(db_int(row, 1)),
		DB_INT(created > t->now ? created : t->now)));
	return rc ? rc
		  : audit_add(t->conn, t->call, t->now,
			&(struct audit){.action = "rmdir", .object = path});
}

static int read_counts(const struct db_row *row, void *arg)
{
	struct store_trim *trim = arg;

	trim->members = db_int(row, 0);
	trim->certs = db_int(row, 1);
	return 1;
}

static int drop_members(struct trimming *t)
{
	static const enum db_query queries[] = {DB_TRIM_COUNT_USES,
	    DB_TRIM_COUNT_ISSUED, DB_TRIM_DROP_MEMBERS, DB_TRIM_DROP_ALT_NAMES,
	    DB_TRIM_DROP_NARROWED, DB_TRIM_DROP_ISSUED, DB_TRIM_CLEAR,
	    DB_TRIM_PREVIOUS, DB_NONE};
	int rc = db_change(
	    t->conn, DB_TRIM_ISSUED, DB_ARGS(DB_INT(t->trim->expired)));

	if (!rc)
		rc = db_change(t->conn, DB_TRIM_SPARE, NULL);
	if (!rc)
		rc = db_each(t->conn, DB_TRIM_COUNT, NULL, read_counts, t->trim);
	if (!rc)
		rc = db_each(t->conn, DB_TRIM_ALIVE, NULL, note_removal, t);
	return rc ? rc : run_all(t, queries);
}

/* --- objects that have been removed --- */

static int drop(struct trimming *t, enum db_query query)
{
	int rc = db_run(
	    t->conn, query, DB_ARGS(DB_INT(t->trim->expired * CLOCK_SECOND)));

	if (rc > 0)
		t->trim->others += rc;
	return rc < 0 ? rc : 0;
}

/* Signing certificates: those that issued no other one, first. */
static int drop_certs(struct trimming *t)
{
	static const enum db_query queries[] = {DB_TRIM_COUNT_CERTS,
	    DB_TRIM_DROP_LISTS, DB_TRIM_DROP_CERTS, DB_TRIM_CLEAR, DB_NONE};
	int rc, n;

	do {
		n = db_run(t->conn, DB_TRIM_CERTS,
		    DB_ARGS(DB_INT(t->trim->expired),
			DB_INT(t->trim->expired * CLOCK_SECOND)));
		rc = n < 0 ? n : run_all(t, queries);
		if (!rc)
			t->trim->others += n;
	} while (!rc && n);
	return rc;
}

static int drop_rows(struct trimming *t)
{
	static const enum db_query queries[] = {
	    DB_TRIM_DROP_FORMER, DB_TRIM_DROP_OWNERS, DB_NONE};
	int rc = drop_members(t);

	if (!rc)
		rc = drop(t, DB_TRIM_DROP_KEYS);
	if (!rc)
		rc = drop(t, DB_TRIM_DROP_GROUPS);
	if (!rc)
		rc = drop_certs(t);
	if (!rc)
		rc = run_all(t, queries);
	/* what is counted depends on the highest id, see COUNTED_ID */
	if (!rc)
		rc = db_change(
		    t->conn, DB_RESTORE_COUNTS, DB_ARGS(DB_INT(t->now)));
	return rc ? rc : db_change(t->conn, DB_RESTORE_ISSUED, NULL);
}

/* No id that was ever given is given again. */
static int keep_ids(struct trimming *t, const struct db_batch *batch)
{
	int64_t next = 1;
	char text[24];

	for (int kind = 0; kind < DB_KINDS; kind++)
		if (batch->next_id[kind] > next)
			next = batch->next_id[kind];
	int n = snprintf(text, sizeof(text), "%" PRId64, next - 1);
	return db_change(t->conn, DB_SETTING_SET,
	    DB_ARGS(DB_TEXT("last_id"), DB_BLOB(text, (size_t)n)));
}

/* --- the journal --- */

static int note_object(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;
	/* a request that waits has no file of its own */
	static const enum db_query raise[DB_KINDS] = {
	    [DB_CERT] = DB_CERT_RAISE,
	    [DB_GROUP] = DB_GROUP_RAISE,
	    [DB_KEY] = DB_KEY_RAISE,
	};
	enum db_kind kind = (enum db_kind)db_int(row, 0);
	int64_t id = db_int(row, 1);
	int rc = raise[kind] == DB_NONE
		     ? 0
		     : db_change(t->conn, raise[kind],
			   DB_ARGS(DB_INT(id),
			       DB_INT(t->now / CLOCK_SECOND * 1024)));

	return rc ? rc : journal_note(t->conn, kind, id, t->now);
}

static int note_issued(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;

	return journal_append(
	    t->conn, &(struct event){.at = t->now, .issued = db_int(row, 0)});
}

static int note_revoked(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;

	return journal_note(t->conn, DB_REVOKED, db_int(row, 0), t->now);
}

static int note_member(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;

	return journal_note(t->conn, DB_MEMBER, db_int(row, 0), t->now);
}

static int note_list(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;

	return journal_note(t->conn, DB_CRL, db_int(row, 0), t->now);
}

static int note_compromised(const struct db_row *row, void *arg)
{
	const struct trimming *t = arg;

	return journal_note(t->conn, DB_COMPROMISED, db_int(row, 0), t->now);
}

static int note_anchor(struct trimming *t)
{
	CLEANUP_BYTES struct bytes data = {0};
	int rc = bytes_printf(&data, RECORD_TRIM);

	if (!rc)
		rc = anchor_json(&t->anchor, &data);
	if (!rc)
		rc = bytes_add(&data, "}", 2);
	return rc ? rc
		  : journal_append(
			t->conn, &(struct event){.at = t->now,
				     .data = (const char *)data.data});
}

/* A certificate that was deleted is in no record any more. */
static int keep_issued(struct trimming *t, int64_t id, int64_t *out)
{
	int rc = id ? db_exists(t->conn, DB_ISSUED_MATERIAL, DB_ARGS(DB_INT(id)))
		    : 0;

	*out = rc > 0 ? id : 0;
	return rc < 0 ? rc : 0;
}

static int keep_line(const struct db_row *row, void *arg)
{
	struct trimming *t = arg;
	CLEANUP_BYTES struct bytes text = {0};
	struct event event = {
	    .at = db_int(row, DB_EVENT_AT),
	    .shown = db_int(row, DB_EVENT_SHOWN),
	    .latest = db_int(row, DB_EVENT_LATEST),
	};
	int rc = line_of_event(row, &text);

	t->found = true;
	t->seq = db_int(row, DB_EVENT_SEQ);
	if (!rc)
		rc = bytes_add(&text, "", 1);
	if (!rc)
		rc = keep_issued(t, db_int(row, DB_EVENT_ISSUED), &event.issued);
	/* a line is there once */
	if (!rc)
		rc = db_change(
		    t->conn, DB_TRIM_DROP_EVENT, DB_ARGS(DB_INT(t->seq)));
	return rc ? rc
		  : journal_append_text(
			t->conn, &event, (const char *)text.data);
}

/* Appends the lines again that are behind the anchor. */
static int keep_lines(struct trimming *t, int64_t last)
{
	int rc;

	t->seq = 0;
	do {
		t->found = false;
		rc = db_each(t->conn, DB_TRIM_LINES,
		    DB_ARGS(DB_INT(t->anchor.line), DB_INT(t->seq),
			DB_INT(last), DB_INT(INT64_MAX)),
		    keep_line, t);
	} while (!rc && t->found);
	return rc;
}

/* Notes what has to be there before other records, and behind them. */
static int note_all(struct trimming *t, int64_t last)
{
	int rc = note_anchor(t);

	if (!rc)
		rc = db_each(t->conn, DB_TRIM_OBJECTS, NULL, note_object, t);
	if (!rc)
		rc = db_each(
		    t->conn, DB_TRIM_COMPROMISED, NULL, note_compromised, t);
	if (!rc)
		rc = db_each(t->conn, DB_TRIM_UNNOTED,
		    DB_ARGS(DB_INT(t->anchor.line)), note_issued, t);
	if (!rc)
		rc = keep_lines(t, last);
	if (!rc)
		rc = db_each(t->conn, DB_TRIM_REVOKED, NULL, note_revoked, t);
	if (!rc)
		rc = db_each(t->conn, DB_TRIM_MEMBERS, NULL, note_member, t);
	return rc ? rc : db_each(t->conn, DB_TRIM_LISTS, NULL, note_list, t);
}

static int renew_journal(struct trimming *t)
{
	unsigned char hash[PKI_HASH];
	int rc;
	const struct journal_end *end = journal_end(t->conn, t->now, &rc);

	if (!end)
		return rc;
	int64_t last = end->seq;
	t->anchor.records = (last + EXPORT_SEGMENT - 1) / EXPORT_SEGMENT *
			    EXPORT_SEGMENT;
	if (hex_bytes(
		t->anchor.hash, strlen(t->anchor.hash), hash, sizeof(hash)))
		return -EIO;
	journal_restart(t->conn, t->anchor.records, t->anchor.line, hash);
	rc = note_all(t, last);
	if (!rc)
		rc = db_change(
		    t->conn, DB_TRIM_DROP_EVENTS, DB_ARGS(DB_INT(last)));
	return rc ? rc : anchor_write(t->conn, t->store, &t->anchor);
}

static int note_trim(struct trimming *t)
{
	const struct store_trim *trim = t->trim;
	char text[160];
	int n = snprintf(text, sizeof(text),
	    "members %" PRId64 ", certificates %" PRId64 ", others %" PRId64,
	    trim->members, trim->certs, trim->others);

	if (trim->lines)
		snprintf(text + n, sizeof(text) - (size_t)n,
		    ", lines up to %" PRId64, t->anchor.line);
	return audit_add(t->conn, t->call, t->now,
	    &(struct audit){.action = "trim",
		.object = t->store->path,
		.name = "value",
		.value = text});
}

/* --- all of it --- */

static bool is_idle(const struct store_trim *trim)
{
	return !trim->members && !trim->certs && !trim->others && !trim->lines;
}

static int trim_all(struct trimming *t, const struct db_batch *batch)
{
	int rc = t->trim->expired ? drop_rows(t) : 0;

	if (rc || is_idle(t->trim))
		return rc;
	rc = keep_ids(t, batch);
	if (!rc)
		rc = renew_journal(t);
	return rc ? rc : note_trim(t);
}

static int record(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct trimming *t = arg;

	t->conn = conn;
	t->now = batch->now;
	t->trim->members = t->trim->certs = t->trim->others = 0;
	int rc = db_bulk(conn);
	if (!rc)
		rc = db_thin(conn, false);
	if (!rc)
		rc = trim_all(t, batch);
	return rc ? rc : db_thin(conn, true);
}

static const struct db_job trim_job = {.record = record};

int store_trim(
    struct store *store, struct store_call *call, struct store_trim *trim)
{
	struct trimming t = {
	    .store = store, .call = call, .trim = trim, .anchor = store->anchor};
	int rc = moved_write(store, trim, &t.anchor);

	if (rc)
		return rc;
	rc = db_submit(store->db, &trim_job, &t);
	if (rc) {
		report(LOG_ERR, "store %s: was not trimmed: %s", store->path,
		    strerror(-rc));
		return rc;
	}
	db_shrink(store->db);
	return 0;
}
