/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_QUERY_H
#define STORE_DB_QUERY_H

#include "store/db/columns.h"

/*
 * Every statement that the program runs, by name. The texts, with parameters
 * and columns, are in store/db/queries/.
 */
enum db_query {
	DB_NONE, /* where a kind has no such query */
#define Q(name, effect, text) name,
#include "store/db/queries/backup.inc"
#include "store/db/queries/check.inc"
#include "store/db/queries/store.inc"
#undef Q
	DB_QUERIES
};

/* Its text; its name, for messages. */
const char *db_query_text(enum db_query query);
const char *db_query_name(enum db_query query);

/*
 * What a statement does to the exported row that its first argument names. The
 * writer reports it to the store's hooks, so that no job can forget it.
 */
enum db_effect_type {
	DB_NO_EFFECT,
	DB_ADDS,      /* makes the row; its id is that of the insert */
	DB_CHANGES,   /* an exported column */
	DB_COUNTS_UP, /* only counters, which the trail does not record */
	DB_LEAVES,    /* and the path that it had is free */
	DB_FORGETS,   /* what the record of its making said */
};

struct db_effect {
	enum db_effect_type type;
	enum db_kind kind;
};

const struct db_effect *db_query_effect(enum db_query query);

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

enum {
	DB_GROUP_PLACE = DB_OBJECT_COLUMNS,
	DB_GROUP_DESCRIPTION,
	DB_GROUP_ENABLED,
	DB_GROUP_CERT,
	DB_GROUP_CERT_NAME,
	DB_GROUP_KEYS_AT,
	DB_GROUP_MEMBERS_AT,
};

enum {
	DB_KEY_GROUP = DB_OBJECT_COLUMNS,
	DB_KEY_GROUP_NAME,
	DB_KEY_PLACE,
	DB_KEY_GROUP_ENABLED,
	DB_KEY_DESCRIPTION,
	DB_KEY_ENABLED,
	DB_KEY_CERT,
	DB_KEY_CERT_NAME,
	DB_KEY_MAX_USES,
	DB_KEY_USES,
	DB_KEY_EXPIRES,
	DB_KEY_EXPORTABLE,
	DB_KEY_MANAGED,
	DB_KEY_COPIES,
	DB_KEY_LAST_COPIED,
	DB_KEY_LAST_USED,
};

enum {
	DB_MEMBER_GROUP = DB_OBJECT_COLUMNS,
	DB_MEMBER_GROUP_NAME,
	DB_MEMBER_PLACE,
	DB_MEMBER_DESCRIPTION,
	DB_MEMBER_KEY,
	DB_MEMBER_KEY_NAME,
	DB_MEMBER_ENROLLED,
	DB_MEMBER_ENROLLED_BY,
	DB_MEMBER_ISSUED,
	DB_MEMBER_CERT,
	DB_MEMBER_CERT_NAME,
	DB_MEMBER_SERIAL,
	DB_MEMBER_NOT_BEFORE,
	DB_MEMBER_NOT_AFTER,
	DB_MEMBER_REVOKED,
	DB_MEMBER_REASON,
	DB_MEMBER_DER_LEN,
	DB_MEMBER_CSR_LEN,
};

enum {
	DB_CERT_ISSUER = DB_OBJECT_COLUMNS,
	DB_CERT_ISSUER_NAME,
	DB_CERT_ALGORITHM,
	DB_CERT_SUBJECT,
	DB_CERT_ENABLED,
	DB_CERT_VALIDITY_DAYS,
	DB_CERT_CA_VALIDITY_DAYS,
	DB_CERT_CRL_DAYS,
	DB_CERT_SERIAL,
	DB_CERT_NOT_BEFORE,
	DB_CERT_NOT_AFTER,
	DB_CERT_ISSUED_COUNT,
	DB_CERT_REVOKED_COUNT,
	DB_CERT_DER_LEN,
	DB_CERT_CSR_LEN,
	DB_CERT_MANAGED,
	DB_CERT_OUTSIDE,
};

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

enum {
	DB_ENROLL_KEY_NAME,
	DB_ENROLL_KEY_ENABLED,
	DB_ENROLL_EXPIRES,
	DB_ENROLL_MAX_USES,
	DB_ENROLL_USES,
	DB_ENROLL_GROUP,
	DB_ENROLL_GROUP_NAME,
	DB_ENROLL_PLACE,
	DB_ENROLL_GROUP_ENABLED,
	DB_ENROLL_CERT,
	DB_ENROLL_CERT_ENABLED,
	DB_ENROLL_CERT_NOT_BEFORE,
	DB_ENROLL_CERT_NOT_AFTER,
	DB_ENROLL_VALIDITY_DAYS,
};

enum {
	DB_RENEW_NAME,
	DB_RENEW_GROUP,
	DB_RENEW_GROUP_NAME,
	DB_RENEW_PLACE,
	DB_RENEW_GROUP_ENABLED,
	DB_RENEW_PRESENT,
	DB_RENEW_PRESENT_NOT_AFTER,
	DB_RENEW_PRESENT_REVOKED,
	DB_RENEW_CERT,
	DB_RENEW_CERT_ENABLED,
	DB_RENEW_CERT_NOT_BEFORE,
	DB_RENEW_CERT_NOT_AFTER,
	DB_RENEW_VALIDITY_DAYS,
};

#endif
