/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_KIND_H
#define STORE_OBJECTS_KIND_H

/* What describes a kind of objects; each kind's file has its own. */
#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

/* A key pair with its request, for a certificate. */
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
	/* Given to the job. */
	int64_t id, now;
};

/* An edit that is looked at in a job. */
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

/* A value that callers edit. */
struct object_field {
	const char *name;  /* of its file; NULL: the kind has no such field */
	enum db_query set; /* DB_NONE: only `edit` sets it */
	enum field_type type;
	/* Where it is in union store_any; 0: it cannot be put back. */
	size_t at;
	/* The number that is stored as NULL, and its word; or NULL. */
	int64_t none;
	const char *none_word;
	bool unlocks;	      /* a managed object can be edited too */
	bool shown_by_others; /* files of other objects change with it */
	/* In a job: checks an edit. May change *number, which is edit->number
	 * at first. Returns 0 or the refusal. */
	int (*resolve)(const struct field_edit *e, int64_t *number);
	/* Instead of store_set; or NULL. */
	int (*edit)(struct store *store, struct store_call *call,
	    const struct store_object *object, const struct store_edit *edit);
};

struct object_kind {
	enum store_kind number;
	enum db_query get, find, each, rename;
	enum db_query all; /* DB_NONE but for keys and members */
	/* `find` and `each` take the parent as their first argument. */
	bool by_parent;
	/* `find` takes the name as a number. */
	bool numbered;
	/* `each` selects only the common columns: what a listing shows. */
	bool brief;
	/* Reads the columns behind the common ones. */
	void (*read)(const struct db_row *row, union store_any *out);
	/* What takes time, before the job that makes one; or NULL. */
	int (*prepare)(const struct store_make *make, struct new_pair *out);
	/* In a job. Returns 0, -EEXIST (the name is taken) or -errno; NULL:
	 * none is made by name. */
	int (*make)(struct db_conn *conn, const struct store_make *make);
	int (*remove)(struct db_conn *conn, struct store_call *call,
	    const union store_any *object, int64_t now);
	/* Refuses as `remove` does, except for what is in it; NULL: never. */
	int (*may_remove)(
	    struct db_conn *conn, struct store_call *call, int64_t id);
	/* Set the directory's owner; the bits of files with owners. */
	enum db_query chown, owned;
	struct object_field field[STORE_FIELDS];
	/* Names with another meaning where an object of this kind is named;
	 * NULL at the end, or NULL. */
	const char *const *reserved;
};

extern const struct object_kind store_place_kind, store_cert_kind,
    store_group_kind, store_key_kind, store_member_kind, store_segment_kind;

/* By enum store_kind; kinds.c. Other code finds it in struct store, so that the
 * kinds may use that code. */
extern const struct object_kind *const object_kinds[STORE_KINDS];

#endif
