/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_KIND_H
#define STORE_OBJECTS_KIND_H

/* The description of a kind of objects. Each kind's file defines its own. */
#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

/* A key pair and its request, for a signing certificate. */
struct new_pair {
	const char *algorithm;
	char subject[NAME_MAX_LEN + DOMAIN_MAX_LEN + 8];
	unsigned char spki_hash[PKI_HASH];
	struct bytes key, csr;
};

struct store_make {
	struct store *store;
	struct store_call *call;
	int64_t parent;
	const char *name;
	mode_t mode;
	gid_t gid;
	const struct new_pair *pair;
	/* set in the job; now is a moment */
	int64_t id, now;
};

/* An edit in a job, for `resolve`. */
struct field_edit {
	struct db_conn *conn;
	struct store_call *call;
	const union store_any *object;
	const struct store_edit *edit;
	int64_t now;
};

enum field_type {
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_TIME, /* seconds */
	FIELD_TEXT,
	FIELD_CERT,	 /* a certificate's name, stored as its id */
	FIELD_ELSEWHERE, /* stored by `resolve`, in other rows */
};

/* A value that callers can set. */
struct object_field {
	const char *name;  /* of its file; NULL: the kind has no such field */
	enum db_query set; /* DB_NONE: only `edit` sets it */
	enum field_type type;
	/* Its offset in union store_any; 0: it cannot be put back. */
	size_t at;
	/* A text that is not in union store_any: the statement that reads it,
	 * by the object's id, and its column there. DB_NONE: it is. */
	enum db_query texts;
	int column;
	/* The number that is stored as NULL, and the word for it; NULL: none
	 * is. */
	int64_t none;
	const char *none_word;
	bool unlocks;	      /* permitted on a managed object */
	bool shown_by_others; /* files of other objects show it too */
	bool signs; /* it stands in what the certificate signs from now on */
	/* In a job: checks the edit. *number is edit->number, and may be
	 * changed. Returns 0 or -errno of a refusal. NULL: any value is
	 * valid. */
	int (*resolve)(const struct field_edit *e, int64_t *number);
	/* Called by store_put_back instead of store_set; or NULL. */
	int (*edit)(struct store *store, struct store_call *call,
	    const struct store_object *object, const struct store_edit *edit);
};

struct object_kind {
	enum store_kind number;
	enum db_query get, find, each, rename;
	enum db_query all; /* DB_NONE except for keys and members */
	/* The first argument of `find` and `each` is the parent. */
	bool by_parent;
	/* `find` takes the name as a number. */
	bool numbered;
	/* `each` selects only the common columns: what a listing shows. */
	bool brief;
	/* Reads the columns after the common ones. */
	void (*read)(const struct db_row *row, union store_any *out);
	/* Makes key material, in the caller's thread, before the job; or
	 * NULL. */
	int (*prepare)(const struct store_make *make, struct new_pair *out);
	/* In a job. Returns 0, -EEXIST (the name is taken) or -errno. NULL:
	 * cannot be made by name. */
	int (*make)(struct db_conn *conn, const struct store_make *make);
	int (*remove)(struct db_conn *conn, struct store_call *call,
	    const union store_any *object, int64_t now);
	const char *removal; /* in the audit trail; NULL: rmdir */
	/* Whether the object is gone without having been removed; or NULL. */
	bool (*expired)(const union store_any *object);
	/* As `remove` would refuse, whatever the object contains; NULL: it
	 * would not. */
	int (*may_remove)(
	    struct db_conn *conn, struct store_call *call, int64_t id);
	/* Statements: set the directory's owner; set the bits of files with an
	 * owner of their own. */
	enum db_query chown, owned;
	struct object_field field[STORE_FIELDS];
	/* In a job: whether it may get this name. NULL: any. Returns 0 or
	 * -errno of a refusal. */
	int (*may_rename)(struct db_conn *conn, struct store_call *call,
	    const union store_any *object, const char *name);
	/* Names that have another meaning where such an object is named; NULL
	 * at the end. NULL: none. */
	const char *const *reserved;
};

extern const struct object_kind store_place_kind, store_cert_kind,
    store_group_kind, store_key_kind, store_member_kind, store_segment_kind,
    store_pending_kind;

/* By enum store_kind. Code that the kinds use takes it from struct store: a
 * call of kinds.c would close a circle. */
extern const struct object_kind *const object_kinds[STORE_KINDS];

#endif
