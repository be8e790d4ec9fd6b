/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_JOURNAL_H
#define STORE_BACKUP_JOURNAL_H

/*
 * The journal: what happens, an event a row, in the job that makes it happen.
 *
 * Jobs do not note changes of objects. The statements say what they change
 * (queries/), the writer reports it here, and at the next line of the audit
 * trail, or at the end of the job, each changed object gets a version and, but
 * for mere counts, an event with what it has become.
 */
#include "store/backup/line.h"
#include "store/db/db.h"

/* The end of the journal, and of the audit trail in it. */
struct journal_end {
	bool known; /* that of the database */
	int64_t seq, ends;
	int64_t line, line_ends, at;  /* of the last line; 0: none */
	int64_t shown;		      /* see shown.c */
	unsigned char hash[PKI_HASH]; /* of the last line; zeros: none */
};

/* For jobs alone. */
struct journal {
	bool paused;			/* in a restore */
	struct journal_end end, before; /* the latter: when the job began */
	struct bytes changed;		/* of struct change */
};

/* For db_set_hooks. */
extern const struct db_hooks journal_hooks;

struct event {
	int64_t at;
	const struct line *line; /* or NULL */
	const char *whole;	 /* the line, where its parts do not make it */
	int64_t issued;	       /* id of a certificate to export with it, or 0 */
	const char *data;      /* JSON, or NULL */
	int64_t shown, latest; /* of the line */
};

/* In a job: the end of the journal, with changes until now in it; NULL if that
 * failed with *rc. */
const struct journal_end *journal_end(
    struct db_conn *conn, int64_t now, int *rc);

/* In a job: appends an event. Returns 0 or -errno. */
int journal_append(struct db_conn *conn, const struct event *event);

/* In a job: appends an event with the row as it is. Returns 0 or -errno. */
int journal_note(
    struct db_conn *conn, enum db_kind kind, int64_t id, int64_t at);

/* In a job that overwrites what a member began with: keeps that for the record
 * of its first certificate, unless it is kept already. Returns 0 or -errno. */
int journal_keep_origin(struct db_conn *conn, int64_t member);

/* In a restore: changes are not reported until it is resumed. */
void journal_pause(struct db_conn *conn, bool paused);

#endif
