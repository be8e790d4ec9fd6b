/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

/* How the files of store_snapshot are made and kept. */
#include "store/internal.h"

struct snapshot_writer;

/* Writes all of it with snapshot_add. 0 or -errno. */
typedef int (*snapshot_fill_fn)(
    struct store *store, struct snapshot_writer *writer, void *arg);
int snapshot_add(struct snapshot_writer *writer, const void *data, size_t len);

/*
 * The one of this object in this version or a later one; versions only grow. If
 * it is not kept it is made, by one thread at a time: fill is called with
 * snapshot_lock held. made: the moment that its content is from.
 */
int snapshot_get(struct store *store, enum store_list which, int64_t id,
    int64_t version, int64_t made, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* What a fill says of a list that is kept while little has changed. */
struct snapshot_times {
	int64_t basis; /* the state it shows: a number that only grows */
	int64_t made;  /* the moment that its content is from */
	int64_t until; /* seconds; then it changes by itself */
};
struct snapshot_times *snapshot_times(struct snapshot_writer *writer);

/*
 * The same for lists of everything (id 0): unless this is a look, the one that
 * there is. A look makes another if the present basis is another or its time
 * has come, but only after ten times as long as the last one took.
 */
int snapshot_get_lazily(struct store *store, enum store_list which,
    int64_t basis, bool look, snapshot_fill_fn fill, void *arg,
    struct store_snapshot **out);

/* store_snapshot of a certificate's lists; of the root's. */
int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, struct store_snapshot **out);
int list_metrics(struct store *store, bool look, struct store_snapshot **out);
int list_table(struct store *store, enum store_list which, bool look,
    struct store_snapshot **out);

/* Held while something of this object is made. */
pthread_mutex_t *snapshot_lock(struct store *store, int64_t id);

/* At the end. */
void snapshot_forget_all(struct store *store);

#endif
