/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/backup/journal.h"
#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/log.h"
#include "store/objects/shown.h"

/* The audit trail. A line is an event of the journal, appended by the job that
 * it records: both are stored, or neither is. */

static int set_parts(
    struct line *line, const struct store_call *call, const struct audit *entry)
{
	int rc = line_set(line, LINE_COMM, call->comm);

	if (!rc)
		rc = line_set(line, LINE_ACTION, entry->action);
	if (!rc)
		rc = line_set(line, LINE_OBJECT, entry->object);
	if (!rc && entry->name)
		rc = line_set_more(line, entry->name, entry->value);
	if (!rc && entry->key)
		rc = line_set_key(line, entry->key);
	if (!rc && call->login_known)
		rc = line_set_login(line, call->loginuid, call->session);
	if (rc || !entry->error)
		return rc;
	rc = line_set(line, LINE_RESULT, store_error_name(entry->error));
	return rc ? rc : line_set(line, LINE_REASON, call->reason);
}

/* The moment of the next line; it never decreases. Lines whose numbers differ
 * by a multiple of EXPORT_ROUND never share a second, see export.c. */
static int64_t moment_of(const struct journal_end *last, int64_t now)
{
	int64_t at = now > last->at ? now : last->at;

	if ((last->line + 1) % EXPORT_ROUND ||
	    at / CLOCK_SECOND > last->at / CLOCK_SECOND)
		return at;
	return (at / CLOCK_SECOND + 1) * CLOCK_SECOND;
}

/* A line has the clock's time. If that is not the moment's second, the parts
 * cannot reproduce the line, and the whole text is stored. */
static int append(struct db_conn *conn, const struct line *line,
    const struct journal_end *last, int64_t now, int64_t issued)
{
	CLEANUP_BYTES struct bytes whole = {0};
	struct event event = {
	    .at = moment_of(last, now),
	    .line = line,
	    .issued = issued,
	    .shown = last->shown,
	};
	int rc = 0;

	if (event.at / CLOCK_SECOND != line->time) {
		rc = line_compose(line, &whole);
		if (!rc)
			rc = bytes_add(&whole, "", 1);
		event.whole = (const char *)whole.data;
	}
	shown_line(conn, event.at, &event.shown, &event.latest);
	return rc ? rc : journal_append(conn, &event);
}

int audit_add(struct db_conn *conn, const struct store_call *call, int64_t now,
    const struct audit *entry)
{
	int rc;
	const struct journal_end *last = journal_end(conn, now, &rc);

	if (!last)
		return rc;
	struct line line = {
	    .seq = last->line + 1,
	    .time = now / CLOCK_SECOND,
	    .uid = call->uid,
	    .gid = call->gid,
	    .pid = call->pid,
	};
	memcpy(line.prev, last->hash, PKI_HASH);
	rc = set_parts(&line, call, entry);
	if (!rc)
		rc = append(conn, &line, last, now, entry->issued);
	line_free(&line);
	return rc;
}

/* --- refusals and actions of the daemon --- */

struct note {
	struct store_call call;
	char action[16], object[STORE_PATH + 96];
	int error;
	int64_t now;
};

static int add_note(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct note *n = arg;

	(void)batch;
	return audit_add(conn, &n->call, n->now,
	    &(struct audit){
		.action = n->action, .object = n->object, .error = n->error});
}

static const struct db_job note_job = {.record = add_note};

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
	db_post(store->db, &note_job, n);
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
	return store->read_only ? 0 : db_submit(store->db, &note_job, &n);
}

/* --- the end --- */

static int read_end(const struct db_row *row, void *arg)
{
	struct audit_end *end = arg;
	int64_t shown = db_int(row, DB_EVENT_SHOWN) * CLOCK_SECOND;

	end->line = db_int(row, DB_EVENT_LINE);
	end->ends = db_int(row, DB_EVENT_LINE_ENDS);
	end->at = db_int(row, DB_EVENT_AT);
	if (shown > end->at)
		end->at = shown;
	return line_of_event(row, &end->text);
}

int audit_find_end(struct store *store, struct audit_end *out)
{
	*out = (struct audit_end){0};
	return db_each(
	    db_reader(store->db), DB_EVENT_LAST_LINE, NULL, read_end, out);
}

bool store_audit_private(const struct store *store)
{
	return store->audit_private;
}

gid_t store_audit_group(const struct store *store, gid_t root)
{
	return store->audit_named ? store->audit_gid : root;
}
