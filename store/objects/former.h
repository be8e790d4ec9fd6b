/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_FORMER_H
#define STORE_OBJECTS_FORMER_H

/*
 * Names that groups and members had before. Another member gets a name only if
 * no valid certificate of anybody else is on it. The present holder of a name
 * is found by an index; who had it before stands in a table, so that no index
 * has the names of every certificate (NAME_HELD in store/db/query.c).
 */
#include "store/db/db.h"
#include "store/store.h"

/* In a job, after an object was renamed or deleted: keeps the name that it had,
 * if certificates may be on it. `before` is its state before that. Returns 0 or
 * -errno. */
int former_keep(struct db_conn *conn, const struct store_object *before);

/* A name that an object had under a parent; kind and parent as in struct
 * store_object. */
struct former {
	enum store_kind kind;
	int64_t parent, id;
	char name[NAME_MAX_LEN + 1];
	int64_t issued; /* certificate that is on it */
};

/* Calls fn with each name that has to be kept, as certificates that are not
 * revoked are on it; maybe more than once. fn returns 0 or -errno. Returns 0,
 * what fn failed with, or -errno. */
typedef int (*former_fn)(
    struct db_conn *conn, const struct former *former, void *arg);
int former_each(struct db_conn *conn, former_fn fn, void *arg);

/* former_fn: in a job, keeps the name. */
int former_add(struct db_conn *conn, const struct former *former, void *arg);

/* Returns 1 if the name is kept, 0 if not, or -errno. */
int former_has(struct db_conn *conn, const struct former *former);

#endif
