/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_QUERY_H
#define STORE_DB_QUERY_H

#include "store/db/columns.h"

/*
 * Every statement that the program runs, by name. The texts, with parameters
 * and columns, are in store/db/queries/: Q(name, types, effect, text).
 *
 * types: a letter for the value of each parameter ?1, ?2 ... in order, without
 * gaps: i DB_INT, t DB_TEXT, b DB_BLOB; any of them may be DB_NIL. Other
 * values, or another number of them, are a programming error: it is logged, and
 * the statement fails with -EIO.
 *
 * Dialect: what SQLite and PostgreSQL both take. One thing is SQLite's alone:
 * parameters are ?N, as a text cannot have both forms. PostgreSQL's are $N, of
 * the types bigint, text and bytea. One thing SQLite does not have: greatest(),
 * which sqlite/conn.c adds. A test looks for the words of one dialect in
 * all texts (tests/unit/db_schema.c). Where the two differ in other ways:
 *
 * - A blob is empty if its length() is 0: x'' is a bit string in PostgreSQL.
 * - A condition is a comparison: an integer has no truth value. A condition is
 *   no column: DB_PRESENT (columns.h).
 * - A number is decimal. A blob is not cast to a number.
 * - A subquery in FROM has a name. After ON CONFLICT, a column that is read has
 *   its table's name.
 * - GROUP BY has the id of each table whose columns are selected.
 * - OFFSET follows a LIMIT.
 */
enum db_query {
	DB_NONE, /* where a kind has no such query */
#define Q(name, types, effect, text) name,
#include "store/db/queries/backup.inc"
#include "store/db/queries/check.inc"
#include "store/db/queries/store.inc"
#include "store/db/queries/trim.inc"
#undef Q
	DB_QUERIES
};

/* Its text; the types of its parameters; its name, for messages. */
const char *db_query_text(enum db_query query);
const char *db_query_types(enum db_query query);
const char *db_query_name(enum db_query query);

/*
 * What a statement does to the exported row that its first argument names. The
 * writer reports it to the store's hooks, so that no job can forget it, and to
 * the cache of rows (cache.h). A statement that says nothing may have changed
 * any row of the cache.
 */
enum db_effect_type {
	DB_NO_EFFECT,
	DB_ADDS,      /* makes the row; its id is that of the insert */
	DB_CHANGES,   /* an exported column */
	DB_COUNTS_UP, /* only counters, which the trail does not record */
	DB_LEAVES,    /* and the path that it had is free */
	DB_FORGETS,   /* what the record of its making said */

	/* For the cache alone. */
	DB_TOUCHES, /* only columns of the row that are in no other's, such as
		       counters, and in no row that is DB_KEPT_UNCOUNTED */
	DB_TOUCHES_ANY, /* the same, of any rows of the kind */
	DB_APART,	/* changes nothing that is in a row of the cache */
	/* Reads one row at most: that of the kind with the id ?1, which is the
	 * only parameter. The cache may keep it. */
	DB_KEPT,
	DB_KEPT_UNCOUNTED, /* even if counters in it change (DB_COUNTS_UP) */
};

struct db_effect {
	enum db_effect_type type;
	enum db_kind kind;
};

const struct db_effect *db_query_effect(enum db_query query);

/* Whether the hooks are told. */
bool db_effect_reported(const struct db_effect *effect);

/* The columns that rows of the four kinds of objects begin with, and those that
 * follow. */
enum {
	DB_OBJECT_ID,
	DB_OBJECT_NAME,
	DB_OBJECT_UID,
	DB_OBJECT_GID,
	DB_OBJECT_MODE,
	DB_OBJECT_BARE,
	DB_OBJECT_OWNED,
	DB_OBJECT_CREATED,
	DB_OBJECT_MODIFIED,
	DB_OBJECT_MODIFIED_BY,
	DB_OBJECT_EDITED,  /* the moments that files show: of those that edits
			      change; */
	DB_OBJECT_MADE,	   /* of those that never change; and of all others, */
	DB_OBJECT_CHANGED, /* the newest moment that something shown of it
			      changed */
	DB_OBJECT_CTIME, /* when owner, mode or name last changed; 0: not since
			    it was made */
	DB_OBJECT_COLUMNS
};

/* clang-format off */
#define DB_NUMBER(name, expression) name,
enum { DB_GROUP_BEFORE = DB_OBJECT_COLUMNS - 1, DB_GROUP_READ(DB_NUMBER) DB_GROUP_COLUMNS };
enum { DB_KEY_BEFORE = DB_OBJECT_COLUMNS - 1, DB_KEY_READ(DB_NUMBER) DB_KEY_COLUMNS };
enum { DB_MEMBER_BEFORE = DB_OBJECT_COLUMNS - 1, DB_MEMBER_READ(DB_NUMBER) DB_MEMBER_COLUMNS };
enum { DB_CERT_BEFORE = DB_OBJECT_COLUMNS - 1, DB_CERT_READ(DB_NUMBER) DB_CERT_COLUMNS };
enum { DB_PENDING_BEFORE = DB_OBJECT_COLUMNS - 1, DB_PENDING_READ(DB_NUMBER) DB_PENDING_COLUMNS };
enum { DB_ENROLL_BEFORE = 0 - 1, DB_ENROLL_READ(DB_NUMBER) DB_ENROLL_COLUMNS };
enum { DB_RENEW_BEFORE = 0 - 1, DB_RENEW_READ(DB_NUMBER) DB_RENEW_COLUMNS };
#undef DB_NUMBER
/* clang-format on */

enum {
	DB_EVENT_SEQ,
	DB_EVENT_AT,
	DB_EVENT_ENDS,
	DB_EVENT_DATA,
	DB_EVENT_ISSUED,
	DB_EVENT_LINE,
	DB_EVENT_LINE_ENDS,
	DB_EVENT_UID,
	DB_EVENT_GID,
	DB_EVENT_PID,
	DB_EVENT_COMM, /* and the following parts of the line, as in it */
	DB_EVENT_ACTION,
	DB_EVENT_OBJECT,
	DB_EVENT_MORE,
	DB_EVENT_RESULT,
	DB_EVENT_REASON,
	DB_EVENT_PREV,
	DB_EVENT_WHOLE,
	DB_EVENT_SHOWN,
	DB_EVENT_LATEST,
};

enum {
	DB_SEGMENT_RECORDS = DB_OBJECT_COLUMNS,
	DB_SEGMENT_LENGTH,
};

#endif
