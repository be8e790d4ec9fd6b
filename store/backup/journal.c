/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/journal.h"

#include <errno.h>
#include <string.h>

#include "store/backup/export.h"
#include "store/backup/line.h"
#include "store/backup/record.h"
#include "store/backup/row.h"
#include "store/base/clock.h"
#include "store/db/columns.h"
#include "store/internal.h"
#include "store/objects/shown.h"

/* An object that the present job has changed. */
struct change {
	enum db_kind kind;
	int64_t id;
	bool noted; /* not only counters: it gets an event */
	bool left;  /* its path is free now */
};

static struct journal *journal_of(const struct db_conn *conn)
{
	struct store *store = db_context(conn);

	return &store->journal;
}

/* --- versions --- */

/* An object's version, seconds * 1024 + a counter, only increases; size and
 * time of its exported file depend on it. A new object at a path has a later
 * version than any earlier one at that path. */
static const struct {
	enum db_query raise, vacates;
} version_of[DB_KINDS] = {
    [DB_PLACE] = {DB_PLACE_RAISE, DB_NONE},
    [DB_CERT] = {DB_CERT_RAISE, DB_CERT_VACATES},
    [DB_GROUP] = {DB_GROUP_RAISE, DB_GROUP_VACATES},
    [DB_KEY] = {DB_KEY_RAISE, DB_KEY_VACATES},
};

/* Renaming a group moves its keys to new paths. */
static int move_keys(struct db_conn *conn, int64_t group, int64_t least)
{
	int rc = db_change(conn, DB_KEYS_VACATE, DB_ARGS(DB_INT(group)));

	return rc ? rc
		  : db_change(conn, DB_KEYS_RAISE,
			DB_ARGS(DB_INT(group), DB_INT(least)));
}

static int set_version(struct db_conn *conn, const struct change *c, int64_t now)
{
	int64_t least = now / CLOCK_SECOND * 1024;
	int rc = c->left ? db_change(conn, version_of[c->kind].vacates,
			       DB_ARGS(DB_INT(c->id)))
			 : 0;

	if (!rc)
		rc = db_must_change(conn, version_of[c->kind].raise,
		    DB_ARGS(DB_INT(c->id), DB_INT(least)), -ESTALE);
	return rc || c->kind != DB_GROUP || !c->left
		   ? rc
		   : move_keys(conn, c->id, least);
}

/* --- the end --- */

static int read_last_line(const struct db_row *row, void *arg)
{
	struct journal_end *end = arg;
	CLEANUP_BYTES struct bytes line = {0};
	int rc = line_of_event(row, &line);

	end->line = db_int(row, DB_EVENT_LINE);
	end->line_ends = db_int(row, DB_EVENT_LINE_ENDS);
	end->at = db_int(row, DB_EVENT_AT);
	end->shown = db_int(row, DB_EVENT_SHOWN);
	if (!rc)
		rc = pki_sha256(line.data, line.len, end->hash);
	return rc ? rc : 1;
}

static int read_end(const struct db_row *row, void *arg)
{
	struct journal_end *end = arg;

	end->seq = db_int(row, DB_EVENT_SEQ);
	end->ends = db_int(row, DB_EVENT_ENDS);
	return db_is_null(row, DB_EVENT_LINE) ? 1 : read_last_line(row, end);
}

static int find_end(struct db_conn *conn, struct journal *journal)
{
	struct journal_end *end = &journal->end;

	if (end->known)
		return 0;
	*end = (struct journal_end){0};
	int rc = db_each(conn, DB_EVENT_LAST, NULL, read_end, end);
	if (!rc && end->seq && !end->line)
		rc = db_each(
		    conn, DB_EVENT_LAST_LINE, NULL, read_last_line, end);
	end->known = !rc;
	return rc;
}

/* --- events --- */

static struct db_value text_or_null(const char *text)
{
	return text ? DB_TEXT(text) : DB_NIL;
}

static int add(
    struct db_conn *conn, const struct event *e, const struct journal_end *end)
{
	const struct line *l = e->line;
	struct line stored = {0};
	int rc = l ? line_pack(l, &stored) : 0;

#define PART(part) text_or_null(line_part(&stored, LINE_##part))
#define NUMBER(number) l ? DB_INT(number) : DB_NIL
	if (!rc)
		rc = db_change(conn, DB_EVENT_ADD,
		    DB_ARGS(DB_INT(end->seq), DB_INT(e->at), DB_INT(end->ends),
			text_or_null(e->data),
			e->issued ? DB_INT(e->issued) : DB_NIL,
			NUMBER(end->line), NUMBER(end->line_ends),
			NUMBER(l->uid), NUMBER(l->gid), NUMBER(l->pid),
			PART(COMM), PART(ACTION), PART(OBJECT), PART(MORE),
			PART(RESULT), PART(REASON),
			l ? DB_BLOB(l->prev, PKI_HASH) : DB_NIL,
			text_or_null(e->whole), DB_INT(e->shown),
			DB_INT(e->latest)));
#undef PART
#undef NUMBER
	line_free(&stored);
	return rc;
}

/* Appends the line to text, and advances end past it. */
static int add_line(
    const struct event *e, struct journal_end *end, struct bytes *text)
{
	int rc = e->whole ? bytes_add(text, e->whole, strlen(e->whole))
			  : line_compose(e->line, text);

	end->line = e->line->seq;
	end->line_ends += (int64_t)text->len + 1;
	end->at = e->at;
	end->shown = e->shown;
	return rc ? rc : pki_sha256(text->data, text->len, end->hash);
}

int journal_append(struct db_conn *conn, const struct event *event)
{
	struct journal *journal = journal_of(conn);
	CLEANUP_BYTES struct bytes line = {0}, text = {0};
	int rc = find_end(conn, journal);
	struct journal_end end = journal->end;

	if (!rc && event->line)
		rc = add_line(event, &end, &line);
	struct record record = {
	    .seq = ++end.seq,
	    .at = event->at,
	    .line = line.data,
	    .line_len = line.len,
	    .issued = event->issued,
	    .data = event->data,
	    .data_len = event->data ? strlen(event->data) : 0,
	};
	if (!rc)
		rc = record_compose(conn, &record, &text);
	end.ends += (int64_t)text.len;
	if (!rc)
		rc = add(conn, event, &end);
	if (!rc)
		journal->end = end;
	return rc;
}

int journal_append_text(
    struct db_conn *conn, const struct event *event, const char *text)
{
	struct line line = {.time = event->at / CLOCK_SECOND};
	struct event with = *event;
	int rc = text ? line_parse(text, &line) : 0;

	with.line = text ? &line : NULL;
	with.whole = rc == -EINVAL ? text : NULL;
	if (rc == -EINVAL)
		rc = 0;
	if (!rc)
		rc = journal_append(conn, &with);
	line_free(&line);
	return rc;
}

void journal_restart(struct db_conn *conn, int64_t records, int64_t line,
    const unsigned char hash[PKI_HASH])
{
	struct journal_end *end = &journal_of(conn)->end;

	end->known = true;
	end->seq = records;
	end->line = line;
	end->ends = end->line_ends = 0;
	memcpy(end->hash, hash, PKI_HASH);
}

int journal_note(struct db_conn *conn, enum db_kind kind, int64_t id, int64_t at)
{
	CLEANUP_BYTES struct bytes json = {0};
	int rc = row_json(conn, kind, id, false, &json, NULL);

	if (!rc)
		rc = bytes_add(&json, "", 1);
	return rc ? rc
		  : journal_append(conn, &(struct event){.at = at,
					     .data = (const char *)json.data});
}

/* --- changes --- */

static int settle(struct db_conn *conn, const struct change *c, int64_t now)
{
	int rc = version_of[c->kind].raise ? set_version(conn, c, now) : 0;

	return rc || !c->noted ? rc : journal_note(conn, c->kind, c->id, now);
}

static int settle_all(struct db_conn *conn, int64_t now)
{
	struct journal *journal = journal_of(conn);
	const struct change *c = (const struct change *)journal->changed.data;
	int rc = 0;

	for (size_t i = 0; i < journal->changed.len / sizeof(*c) && !rc; i++)
		rc = settle(conn, &c[i], now);
	journal->changed.len = 0;
	return rc;
}

const struct journal_end *journal_end(struct db_conn *conn, int64_t now, int *rc)
{
	struct journal *journal = journal_of(conn);

	*rc = settle_all(conn, now);
	if (!*rc)
		*rc = find_end(conn, journal);
	return *rc ? NULL : &journal->end;
}

void journal_pause(struct db_conn *conn, bool paused)
{
	journal_of(conn)->paused = paused;
}

/* --- hooks --- */

static void job_begins(struct db_conn *conn)
{
	struct journal *journal = journal_of(conn);

	journal->changed.len = 0;
	journal->before = journal->end;
}

static int job_ends(struct db_conn *conn, const struct db_batch *batch, int rc)
{
	struct journal *journal = journal_of(conn);
	int failed = rc < 0 ? rc : settle_all(conn, batch->now);

	if (failed)
		journal->end = journal->before;
	journal->changed.len = 0;
	return failed ? failed : rc;
}

/* The transaction was rolled back: read the end from the database again. */
static void transaction_lost(void *context)
{
	struct store *store = context;

	store->journal.end.known = false;
}

int journal_keep_origin(struct db_conn *conn, int64_t member)
{
	CLEANUP_BYTES struct bytes json = {0};
	int rc = db_exists(conn, DB_MEMBER_ORIGIN, DB_ARGS(DB_INT(member)));

	if (rc)
		return rc < 0 ? rc : 0;
	rc = row_json(conn, DB_ENROLLED, member, false, &json, NULL);
	if (!rc)
		rc = bytes_add(&json, "", 1);
	return rc ? rc
		  : db_change(conn, DB_MEMBER_SET_ORIGIN,
			DB_ARGS(DB_INT(member), DB_TEXT((char *)json.data)));
}

static int before_change(
    struct db_conn *conn, const struct db_effect *effect, int64_t id)
{
	return effect->type == DB_FORGETS ? journal_keep_origin(conn, id) : 0;
}

/* Finds the present job's change of an object, or adds it. NULL: no memory. */
static struct change *find_change(
    struct journal *journal, enum db_kind kind, int64_t id)
{
	struct bytes *all = &journal->changed;
	struct change new = {.kind = kind, .id = id};

	for (size_t at = 0; at < all->len; at += sizeof(new)) {
		struct change *c = (struct change *)(all->data + at);
		if (c->kind == kind && c->id == id)
			return c;
	}
	if (bytes_add(all, &new, sizeof(new)))
		return NULL;
	return (struct change *)(all->data + all->len) - 1;
}

static int after_change(
    struct db_conn *conn, const struct db_effect *effect, int64_t id)
{
	struct journal *journal = journal_of(conn);

	if (journal->paused)
		return 0;
	struct change *c = find_change(journal, effect->kind, id);
	if (!c)
		return -ENOMEM;
	c->noted |= effect->type != DB_COUNTS_UP;
	c->left |= effect->type == DB_LEAVES;
	return 0;
}

const struct db_hooks journal_hooks = {
    .begin = job_begins,
    .before = before_change,
    .changed = after_change,
    .end = job_ends,
    .lost = transaction_lost,
};
