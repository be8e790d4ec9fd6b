/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	PART = 1024, /* the rows of members, or those of all other kinds */
	SLOTS = 2 * PART,
	LOCKS = 64, /* each of SLOTS / LOCKS slots */
	COUNTERS = 4096,
	TOUCHED = 256, /* rows that a transaction changes; more: all rows */
};

/* FIRM: changes but those of counters and of what else only the row itself
 * shows (DB_TOUCHES); ANY: all changes. */
enum depth { FIRM, ANY, DEPTHS };

/* A column in memory; text and blobs are at an offset of the data. */
struct column {
	int64_t number;
	uint32_t offset, len;
	uint32_t type; /* of struct db_value */
	uint32_t unused;
};

struct entry {
	enum db_query query;
	int64_t id;
	uint64_t sum;
	size_t size;
	_Alignas(8) unsigned char data[]; /* columns, then text and blobs */
};

typedef _Atomic uint64_t counter;

struct db_cache {
	counter row[DEPTHS][COUNTERS], kind[DEPTHS][DB_KINDS], all[DEPTHS];

	pthread_mutex_t lock[LOCKS];
	struct entry *slot[SLOTS];

	/* the present transaction's */
	counter *touched[TOUCHED];
	int count;
	int64_t member[TOUCHED];
	int members; /* more than TOUCHED: any */

	db_member_fn changed; /* see db_on_member; or NULL */
	void *changed_arg;
};

/* --- rows in memory --- */

static const struct column *column_of(const struct db_row *row, int i)
{
	const struct db_kept_row *kept = (const struct db_kept_row *)row;

	return (const struct column *)kept->data + i;
}

static int64_t integer(const struct db_row *row, int i)
{
	return column_of(row, i)->number;
}

static bool is_null(const struct db_row *row, int i)
{
	return column_of(row, i)->type == DB_NULL;
}

static const void *blob(const struct db_row *row, int i, size_t *len)
{
	const struct db_kept_row *kept = (const struct db_kept_row *)row;
	const struct column *c = column_of(row, i);

	*len = c->len;
	return c->offset ? kept->data + c->offset : NULL;
}

static const struct db_engine memory = {
    .integer = integer,
    .null = is_null,
    .blob = blob,
};

/* Copies the columns of a row. Returns how many bytes that takes; 0: too
 * many. */
static size_t pack(const struct db_row *row, struct db_kept_row *out)
{
	int n = row->engine->columns(row);
	struct column *c = (struct column *)out->data;
	size_t end = (size_t)n * sizeof(*c);

	for (int i = 0; i < n && end <= sizeof(out->data); i++) {
		struct db_value value = row->engine->value(row, i);
		c[i] = (struct column){.number = value.i, .type = value.type};
		if (!value.n)
			continue;
		if (!value.p || value.n > sizeof(out->data) - end)
			return 0;
		memcpy(out->data + end, value.p, value.n);
		c[i].offset = (uint32_t)end;
		c[i].len = (uint32_t)value.n;
		end += value.n;
	}
	return end <= sizeof(out->data) ? end : 0;
}

/* --- the table --- */

static uint64_t hash(uint64_t of, int64_t id)
{
	uint64_t h = ((uint64_t)id + of * 0x9e3779b97f4a7c15) *
		     0xff51afd7ed558ccd;

	return h ^ h >> 32;
}

/* A program that reads each member replaces only members' rows. */
static size_t slot_of(enum db_query query, int64_t id)
{
	size_t slot = hash(query, id) % PART;

	return db_query_effect(query)->kind == DB_MEMBER ? PART + slot : slot;
}

static pthread_mutex_t *lock_of(struct db_cache *cache, size_t slot)
{
	return &cache->lock[slot % LOCKS];
}

struct db_cache *db_cache_new(void)
{
	struct db_cache *cache = calloc(1, sizeof(*cache));

	for (int i = 0; cache && i < LOCKS; i++)
		pthread_mutex_init(&cache->lock[i], NULL);
	return cache;
}

void db_cache_free(struct db_cache *cache)
{
	if (!cache)
		return;
	for (int i = 0; i < SLOTS; i++)
		free(cache->slot[i]);
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&cache->lock[i]);
	free(cache);
}

/* Puts an entry, or NULL, into a slot. */
static void replace(struct db_cache *cache, size_t slot, struct entry *entry)
{
	pthread_mutex_lock(lock_of(cache, slot));
	struct entry *old = cache->slot[slot];
	cache->slot[slot] = entry;
	pthread_mutex_unlock(lock_of(cache, slot));
	free(old);
}

static bool holds(const struct entry *e, enum db_query query, int64_t id)
{
	return e && e->query == query && e->id == id;
}

/* --- counters --- */

#define BIT(kind) (1U << (kind))

/* The kinds whose rows are joined to those of a kind: see GROUP_ROWS and others
 * in query.c. What is joined is nothing that DB_TOUCHES allows. */
static const unsigned int joined[DB_KINDS] = {
    [DB_CERT] = BIT(DB_CERT),
    [DB_GROUP] = BIT(DB_CERT),
    [DB_KEY] = BIT(DB_GROUP) | BIT(DB_CERT),
    [DB_MEMBER] = BIT(DB_GROUP) | BIT(DB_KEY) | BIT(DB_CERT),
};

static const counter *row_counter(const struct db_cache *cache,
    enum depth depth, enum db_kind kind, int64_t id)
{
	return &cache->row[depth][hash(kind, id) % COUNTERS];
}

static void add(struct db_stamp *stamp, const counter *c)
{
	uint64_t value = atomic_load(c);

	stamp->sum += value;
	stamp->quiet &= !(value & 1);
}

/*
 * Counters only increase. So sums are equal only if all counters are, and a
 * counter that has the same value as before has had it ever since: it does not
 * matter that they are not read at one moment.
 */
struct db_stamp db_cache_stamp(
    const struct db_cache *cache, enum db_query query, int64_t id)
{
	const struct db_effect *effect = db_query_effect(query);
	enum depth depth = effect->type == DB_KEPT ? ANY : FIRM;
	struct db_stamp stamp = {.quiet = true};

	add(&stamp, &cache->all[FIRM]);
	add(&stamp, row_counter(cache, depth, effect->kind, id));
	if (depth == ANY) {
		add(&stamp, &cache->all[ANY]);
		add(&stamp, &cache->kind[ANY][effect->kind]);
	}
	for (int kind = 0; kind < DB_KINDS; kind++)
		if (joined[effect->kind] & BIT(kind))
			add(&stamp, &cache->kind[FIRM][kind]);
	return stamp;
}

/* --- reading --- */

bool db_cache_keeps(enum db_query query)
{
	return db_query_effect(query)->type >= DB_KEPT;
}

bool db_cache_get(struct db_cache *cache, enum db_query query, int64_t id,
    struct db_kept_row *out)
{
	struct db_stamp now = db_cache_stamp(cache, query, id);
	size_t slot = slot_of(query, id);

	if (!now.quiet)
		return false;
	pthread_mutex_lock(lock_of(cache, slot));
	const struct entry *e = cache->slot[slot];
	bool found = holds(e, query, id) && e->sum == now.sum;
	if (found)
		memcpy(out->data, e->data, e->size);
	pthread_mutex_unlock(lock_of(cache, slot));
	out->base.engine = &memory;
	return found;
}

void db_cache_put(struct db_cache *cache, enum db_query query, int64_t id,
    struct db_stamp stamp, const struct db_row *row)
{
	struct db_kept_row packed = {0};
	size_t size = stamp.quiet ? pack(row, &packed) : 0;
	struct entry *e = size ? malloc(sizeof(*e) + size) : NULL;

	if (!e)
		return;
	*e = (struct entry){query, id, stamp.sum, size};
	memcpy(e->data, packed.data, size);
	replace(cache, slot_of(query, id), e);
}

void db_cache_forget(struct db_cache *cache, enum db_query query, int64_t id)
{
	size_t slot = slot_of(query, id);
	struct entry *old = NULL;

	pthread_mutex_lock(lock_of(cache, slot));
	if (holds(cache->slot[slot], query, id)) {
		old = cache->slot[slot];
		cache->slot[slot] = NULL;
	}
	pthread_mutex_unlock(lock_of(cache, slot));
	free(old);
}

/* --- writing --- */

void db_cache_forget_all(struct db_cache *cache, bool edits)
{
	/* as a change that is committed */
	atomic_fetch_add(&cache->all[edits ? FIRM : ANY], 2);
}

void db_on_member(struct db *db, db_member_fn fn, void *arg)
{
	db->cache->changed = fn;
	db->cache->changed_arg = arg;
}

void db_cache_begin(struct db_cache *cache)
{
	cache->count = cache->members = 0;
}

static void note(struct db_cache *cache, const counter *c)
{
	if (cache->count < TOUCHED)
		cache->touched[cache->count++] = (counter *)(uintptr_t)c;
	else
		cache->touched[0] = &cache->all[FIRM];
}

static void note_member(struct db_cache *cache, int64_t id)
{
	if (cache->members < TOUCHED)
		cache->member[cache->members] = id;
	if (cache->members <= TOUCHED)
		cache->members++;
}

static void touch_row(
    struct db_cache *cache, enum depth depth, enum db_kind kind, int64_t id)
{
	note(cache, row_counter(cache, depth, kind, id));
	if (kind == DB_MEMBER && depth == ANY)
		note_member(cache, id);
}

void db_cache_touch(
    struct db_cache *cache, const struct db_effect *effect, int64_t id)
{
	enum db_kind kind = effect->kind;

	switch (effect->type) {
	case DB_APART:
		break;
	case DB_COUNTS_UP:
	case DB_TOUCHES:
		touch_row(cache, ANY, kind, id);
		break;
	case DB_TOUCHES_ANY:
		note(cache, &cache->kind[ANY][kind]);
		break;
	case DB_ADDS:
	case DB_CHANGES:
	case DB_LEAVES:
	case DB_FORGETS:
		touch_row(cache, ANY, kind, id);
		touch_row(cache, FIRM, kind, id);
		note(cache, &cache->kind[FIRM][kind]);
		break;
	default:
		note(cache, &cache->all[FIRM]);
		cache->members = TOUCHED + 1;
		break;
	}
}

/* A counter may have been noted more than once. Only this thread changes
 * them. */
void db_cache_hold(struct db_cache *cache)
{
	for (int i = 0; i < cache->count; i++)
		atomic_fetch_or(cache->touched[i], 1);
}

static void tell_members(const struct db_cache *cache)
{
	if (cache->members > TOUCHED)
		cache->changed(0, cache->changed_arg);
	else
		for (int i = 0; i < cache->members; i++)
			cache->changed(cache->member[i], cache->changed_arg);
}

void db_cache_release(struct db_cache *cache)
{
	for (int i = 0; i < cache->count; i++)
		if (atomic_load(cache->touched[i]) & 1)
			atomic_fetch_add(cache->touched[i], 1);
	if (cache->changed)
		tell_members(cache);
	cache->count = cache->members = 0;
}
