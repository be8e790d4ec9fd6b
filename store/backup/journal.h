/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_JOURNAL_H
#define STORE_BACKUP_JOURNAL_H

/*
 * The journal: one row for each event, appended by the job that causes it.
 *
 * Jobs do not record changes of objects themselves. Statements declare what
 * they change (db_query_effect), and the writer reports it here. At the next
 * line of the audit trail, or at the end of the job, each changed object gets a
 * version and, unless only counters changed, an event with its new state.
 */
#include "store/backup/line.h"
#include "store/db/db.h"

/* The end of the journal, and of the audit trail in it. */
struct journal_end {
	bool known; /* the rest is as in the database */
	int64_t seq, ends;
	/* of the last line: number, end offset, moment; 0: none */
	int64_t line, line_ends, at;
	int64_t shown;		      /* see shown_line */
	unsigned char hash[PKI_HASH]; /* SHA-256 of the last line; zeros: none */
};

/* Used by jobs only, which run one after the other. */
struct journal {
	bool paused;			/* during a restore */
	struct journal_end end, before; /* before: when the job began */
	struct bytes changed;		/* array of struct change */
};

/* For db_set_context, whose context is the store; `others` is not set. */
extern const struct db_hooks journal_hooks;

struct event {
	int64_t at;
	const struct line *line; /* of the audit trail, or NULL */
	const char *whole; /* text of the line if its parts cannot reproduce it,
			      or NULL */
	int64_t issued;	   /* id of the certificate to export with it, or 0 */
	const char *data;  /* JSON, or NULL */
	int64_t shown, latest; /* of the line, see shown_line */
};

/* In a job: records the job's changes so far and returns the end of the
 * journal. Returns NULL with *rc set on failure. */
const struct journal_end *journal_end(
    struct db_conn *conn, int64_t now, int *rc);

/* In a job: appends an event. Returns 0 or -errno. */
int journal_append(struct db_conn *conn, const struct event *event);

/* The same with a line of the audit trail as text, or without one (NULL);
 * event->line and event->whole are not used. */
int journal_append_text(
    struct db_conn *conn, const struct event *event, const char *text);

/* In a job that makes the journal anew: the next record is the one behind
 * `records`, and the next line follows the one with this number and hash; both
 * begin at offset 0. */
void journal_restart(struct db_conn *conn, int64_t records, int64_t line,
    const unsigned char hash[PKI_HASH]);

/* In a job: appends an event with the row's present state. Returns 0, -ESTALE
 * (no such row) or -errno. */
int journal_note(
    struct db_conn *conn, enum db_kind kind, int64_t id, int64_t at);

/* In a job that is about to overwrite a member's first state: saves it for the
 * record of its first certificate, unless it is saved already. Returns 0 or
 * -errno. */
int journal_keep_origin(struct db_conn *conn, int64_t member);

/* In a restore: stops or resumes the recording of changes. */
void journal_pause(struct db_conn *conn, bool paused);

#endif
