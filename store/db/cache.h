/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_CACHE_H
#define STORE_DB_CACHE_H

/*
 * Rows in memory, for queries that say so (DB_KEPT in query.h), by query and
 * id. At most 1,024 rows of members and 1,024 others, of at most 2 KiB each;
 * newer rows replace older ones.
 *
 * A row that is found here is never older than the one that a query begun at
 * the same moment would read. For each row, and for each kind of rows, there is
 * a counter of its changes, which is odd while a transaction with such a change
 * is being committed. A row is kept with the sum of the counters that it
 * depends on, taken before its query began. It is used only while that is still
 * the sum and all of them are even. Counters are shared by rows whose hashes
 * collide, which makes a row be read again without need, and no more.
 */
#include "store/db/engine.h"

struct db_cache;

/* A copy of a row, so that it can be read without a lock. */
struct db_kept_row {
	struct db_row base;
	_Alignas(8) unsigned char data[2048];
};

/* What is added up when a query begins. */
struct db_stamp {
	uint64_t sum;
	bool quiet; /* nothing that it depends on is being committed */
};

/* NULL: no memory. */
struct db_cache *db_cache_new(void);
void db_cache_free(struct db_cache *cache); /* NULL is permitted */

/* --- for any thread --- */

/* Whether rows of the query may be kept. */
bool db_cache_keeps(enum db_query query);

/* Copies the row, if it is there. */
bool db_cache_get(struct db_cache *cache, enum db_query query, int64_t id,
    struct db_kept_row *out);

/* Before the query begins. */
struct db_stamp db_cache_stamp(
    const struct db_cache *cache, enum db_query query, int64_t id);

/* Keeps a row of another engine, if it fits. */
void db_cache_put(struct db_cache *cache, enum db_query query, int64_t id,
    struct db_stamp stamp, const struct db_row *row);

/* Drops the row. */
void db_cache_forget(struct db_cache *cache, enum db_query query, int64_t id);

/* --- for whoever runs jobs --- */

/* Drops all rows: something else has changed the database. Without edits, only
 * those that depend on counters. */
void db_cache_forget_all(struct db_cache *cache, bool edits);

/* A transaction begins: none of its changes are known. */
void db_cache_begin(struct db_cache *cache);

/* The transaction has changed rows, by a statement with this effect and first
 * argument. */
void db_cache_touch(
    struct db_cache *cache, const struct db_effect *effect, int64_t id);

/* Around the commit, whatever it answers: rows that the transaction has changed
 * are not used from before to behind it. */
void db_cache_hold(struct db_cache *cache);
void db_cache_release(struct db_cache *cache);

#endif
