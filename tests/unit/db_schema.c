/* SPDX-License-Identifier: Apache-2.0 */
/* The schema: its steps, and the columns that the program knows of; what holds
 * of every statement. */
#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "store/db/columns.h"
#include "store/db/sqlite/sqlite.h"
#include "tests/unit/temp.h"
#include "tests/unit/unit.h"

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* A store that has done a step would differ from a new one. */
static void a_step_never_changes(void **state)
{
	(void)state;
	static const uint64_t hash[] = {
	    UINT64_C(0x69852edf136cda72),
	    UINT64_C(0x0d57e810b224cf6a),
	    UINT64_C(0xe9ed28e5e3b2d666),
	    UINT64_C(0x1f120ca01be6e890),
	    UINT64_C(0x06ad435a6c68aeb7),
	    UINT64_C(0x80e51ce913a6b5ca),
	    UINT64_C(0x3e0bac74db0e4029),
	    UINT64_C(0xf566819ffe804a28),
	    UINT64_C(0x729e7a134ab285a6),
	    UINT64_C(0xe81f03194259a409),
	    UINT64_C(0x3a79f4f9fe5d7a71),
	    UINT64_C(0x62d1605ba2a260f3),
	    UINT64_C(0x64166c81270a543d),
	    UINT64_C(0x59b19d287d1e8703),
	    UINT64_C(0x0b064e7164a6027b),
	    UINT64_C(0x22257246e466bd7e),
	    UINT64_C(0x614a2056ea16d951),
	    UINT64_C(0xdccf216554eec3d9),
	};
	enum { STEPS = sizeof(hash) / sizeof(hash[0]) };

	assert_int_equal(db_steps_count, STEPS);
	for (int i = 0; i < STEPS; i++)
		if (hash_of(db_steps[i]) != hash[i])
			fail_msg("step %d is another one: 0x%016llx", i + 1,
			    (unsigned long long)hash_of(db_steps[i]));
}

/* --- columns --- */

struct exception {
	const char *table, *column, *why;
};

static const struct exception exceptions[] = {
    {"place", "ctime", "a restored tree is made of new files"},
    {"cert", "ctime", "a restored tree is made of new files"},
    {"grp", "ctime", "a restored tree is made of new files"},
    {"prov_key", "ctime", "a restored tree is made of new files"},
    {"member", "ctime", "a restored tree is made of new files"},
    {"cert", "edited", "a restored store shows later times: shown_floor"},
    {"cert", "shown", "a restored store shows later times: shown_floor"},
    {"cert", "made", "a restored store shows later times: shown_floor"},
    {"grp", "edited", "a restored store shows later times: shown_floor"},
    {"grp", "shown", "a restored store shows later times: shown_floor"},
    {"grp", "made", "a restored store shows later times: shown_floor"},
    {"prov_key", "edited", "a restored store shows later times: shown_floor"},
    {"prov_key", "shown", "a restored store shows later times: shown_floor"},
    {"prov_key", "made", "a restored store shows later times: shown_floor"},
    {"member", "edited", "a restored store shows later times: shown_floor"},
    {"member", "shown", "a restored store shows later times: shown_floor"},
    {"member", "made", "a restored store shows later times: shown_floor"},
    {"cert", "crossed", "a restored store shows later times: shown_floor"},
    {"cert", "issued", "counted again"},
    {"cert", "revoked", "counted again"},
    {"cert", "counted", "when these changed"},
    {"cert", "issued_until", "found again"},
    {"grp", "stop_done", "an order that is not ended begins again"},
    {"grp", "stop_count", "an order that is not ended begins again"},
    {"grp", "stop_at", "an order that is not ended begins again"},
    {"prov_key", "stop_done", "an order that is not ended begins again"},
    {"prov_key", "stop_count", "an order that is not ended begins again"},
    {"prov_key", "stop_at", "an order that is not ended begins again"},
    {"member", "newest", "found again"},
    {"member", "oldest", "found again"},
    {"issued", "previous", "found again"},
    {"member", "origin", "what that record says"},
    {"crl", "covers", "a restore has another list signed"},
    {"crl", "der", "a restore has another list signed"},
    {"crl", "since", "a restore has another list signed"},
    {"pending", "ctime", "a restored tree is made of new files"},
    {"grp", "limits", "compared while a request is carried out"},
    {"prov_key", "limits", "compared while a request is carried out"},
    {"file_owner", "ctime", "a restored tree is made of new files"},
};

/* Tables, and what their rows are exported as. */
static const struct {
	const char *table;
	enum db_kind kind[2];
} tables[] = {
    {"place", {DB_PLACE, DB_PLACE}},
    {"cert", {DB_CERT, DB_CERT}},
    {"grp", {DB_GROUP, DB_GROUP}},
    {"prov_key", {DB_KEY, DB_KEY}},
    {"member", {DB_MEMBER, DB_ENROLLED}},
    {"issued", {DB_ISSUED, DB_REVOKED}},
    {"crl", {DB_CRL, DB_CRL}},
    {"pending", {DB_PENDING, DB_PENDING}},
};

static bool has_column(enum db_kind kind, const char *column)
{
	const struct db_columns *of = &db_columns[kind];

	if (strcmp(column, "id") == 0 || strcmp(column, of->id) == 0)
		return true;
	for (int i = 0; i < of->count; i++)
		if (strcmp(of->column[i].column, column) == 0)
			return true;
	return false;
}

static bool is_exception(const char *table, const char *column)
{
	for (size_t i = 0; i < COUNT(exceptions); i++)
		if (strcmp(exceptions[i].table, table) == 0 &&
		    strcmp(exceptions[i].column, column) == 0)
			return true;
	return false;
}

static sqlite3 *raw(const struct db *db)
{
	return ((struct sqlite_conn *)db->writer)->sqlite;
}

/* Calls fn with the columns of each table. */
static void each_column(
    struct db *db, size_t table, void (*fn)(size_t table, const char *column))
{
	char sql[64];
	sqlite3_stmt *rows;

	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", tables[table].table);
	assert_int_equal(
	    sqlite3_prepare_v2(raw(db), sql, -1, &rows, NULL), SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW)
		fn(table, (const char *)sqlite3_column_text(rows, 1));
	sqlite3_finalize(rows);
}

static void check_column(size_t table, const char *column)
{
	const enum db_kind *kind = tables[table].kind;

	if (!has_column(kind[0], column) && !has_column(kind[1], column) &&
	    !is_exception(tables[table].table, column))
		fail_msg("%s.%s is not exported, and it is not said why",
		    tables[table].table, column);
}

static struct db *opened(void)
{
	struct db *db;

	assert_int_equal(
	    db_open(AT_FDCWD, temp_file("store"), DB_CREATE, &db), 0);
	return db;
}

/* A column that is added has to be exported and restored. */
static void every_column_is_exported(void **state)
{
	(void)state;
	struct db *db = opened();

	for (size_t i = 0; i < COUNT(tables); i++)
		each_column(db, i, check_column);
	db_close(db);
}

/* --- what statements change --- */

/* Whether a statement assigns the column: ` column = ` before its WHERE. */
static bool assigns(const char *sql, const char *column)
{
	const char *set = strstr(sql, " SET "), *where = strstr(sql, " WHERE ");
	char text[64];

	snprintf(text, sizeof(text), " %s = ", column);
	const char *at = set ? strstr(set, text) : NULL;
	return at && (!where || at < where);
}

static bool changes_export(const char *sql, size_t table)
{
	const struct db_columns *of = &db_columns[tables[table].kind[0]];
	char update[32];

	snprintf(update, sizeof(update), "UPDATE %s SET", tables[table].table);
	if (strncmp(sql, update, strlen(update)) != 0)
		return false;
	for (int i = 0; i < of->count; i++)
		if (of->column[i].export != DB_NOT_EXPORTED &&
		    strcmp(of->column[i].column, "version") != 0 &&
		    assigns(sql, of->column[i].column))
			return true;
	return false;
}

/* A statement that changes what is exported says so, or belongs to a restore or
 * a trim, while which nothing is noted, or to another master key, with which
 * all versions rise. */
static void no_statement_forgets_the_journal(void **state)
{
	(void)state;
	int found = 0;

	for (int query = DB_NONE + 1; query < DB_QUERIES; query++) {
		const char *name = db_query_name((enum db_query)query);
		const struct db_effect *effect = db_query_effect(
		    (enum db_query)query);
		for (size_t i = 0; i < 5; i++) {
			if (!changes_export(
				db_query_text((enum db_query)query), i))
				continue;
			found++;
			bool reported = db_effect_reported(effect);
			if (reported && effect->kind != tables[i].kind[0])
				fail_msg(
				    "%s: says it changes another kind", name);
			if (!reported && !strstr(name, "RESTORE") &&
			    !strstr(name, "MERGE") && !strstr(name, "RESEAL") &&
			    !strstr(name, "TRIM"))
				fail_msg(
				    "%s: does not say what it changes", name);
		}
	}
	assert_true(found > 40);
}

/* Columns that only the row itself shows. Others show `edited` and `made` too,
 * and these change along with what a statement of its own says. */
static bool is_its_own(const char *column)
{
	static const char *const own[] = {"changed", "counted", "issued",
	    "issued_until", "revoked", "keys_changed", "members_changed",
	    "edited", "shown", "made", "uses", "last_used", "copies",
	    "last_copied", "lost", "newest", "oldest", "stop_done",
	    "stop_count", "stop_at"};

	for (size_t i = 0; i < COUNT(own); i++)
		if (strcmp(column, own[i]) == 0)
			return true;
	return false;
}

/* Columns that are kept in no row. */
static bool is_in_no_row(const char *column)
{
	return strcmp(column, "version") == 0 || strcmp(column, "origin") == 0;
}

/* Whether a change of the column is one that the statement admits to. */
static void check_change(size_t table, const char *column)
{
	char update[32];

	snprintf(update, sizeof(update), "UPDATE %s SET", tables[table].table);
	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		enum db_query query = (enum db_query)i;
		const char *sql = db_query_text(query);
		enum db_effect_type type = db_query_effect(query)->type;
		if (strncmp(sql, update, strlen(update)) != 0 ||
		    !assigns(sql, column))
			continue;
		if (type == DB_APART && !is_in_no_row(column))
			fail_msg("%s: %s is kept in memory",
			    db_query_name(query), column);
		if ((type == DB_TOUCHES || type == DB_TOUCHES_ANY ||
			type == DB_COUNTS_UP) &&
		    !is_its_own(column))
			fail_msg("%s: %s is shown by other rows",
			    db_query_name(query), column);
	}
}

/* Tables whose rows are kept in memory. */
static bool is_kept(const struct db_effect *effect, enum db_kind kind)
{
	return (effect->type == DB_KEPT || effect->type == DB_KEPT_UNCOUNTED) &&
	       effect->kind == kind;
}

/* Rows in memory are dropped by what statements say. */
static void no_statement_forgets_the_cache(void **state)
{
	(void)state;
	struct db *db = opened();
	int kept = 0;

	for (size_t table = 0; table < COUNT(tables); table++)
		for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
			const struct db_effect *effect = db_query_effect(
			    (enum db_query)i);
			if (!is_kept(effect, tables[table].kind[0]))
				continue;
			kept++;
			assert_string_equal(
			    db_query_types((enum db_query)i), "i");
			each_column(db, table, check_change);
		}
	assert_int_equal(kept, 9);
	db_close(db);
}

/* A member's row shows columns of its newest certificate: whoever changes
 * certificates names the member, or all rows. */
static void no_statement_forgets_a_members_certificate(void **state)
{
	(void)state;
	int found = 0;

	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		const struct db_effect *effect = db_query_effect(
		    (enum db_query)i);
		if (strncmp(db_query_text((enum db_query)i),
			"UPDATE issued SET", 17) != 0)
			continue;
		found++;
		if (effect->type != DB_NO_EFFECT &&
		    (effect->type != DB_TOUCHES || effect->kind != DB_MEMBER))
			fail_msg("%s: does not name the member",
			    db_query_name((enum db_query)i));
	}
	assert_int_equal(found, 4);
}

/* --- parameters --- */

/* A letter for each parameter, and no gap: a gap has no name. */
static void check_parameters(sqlite3_stmt *statement, enum db_query query)
{
	const char *types = db_query_types(query);
	int count = sqlite3_bind_parameter_count(statement);
	char want[16];

	if (strlen(types) != (size_t)count ||
	    strspn(types, "itb") != (size_t)count)
		fail_msg("%s: has %d parameters, and their types are %s",
		    db_query_name(query), count, types);
	for (int i = 1; i <= count; i++) {
		const char *name = sqlite3_bind_parameter_name(statement, i);
		snprintf(want, sizeof(want), "?%d", i);
		if (!name || strcmp(name, want) != 0)
			fail_msg("%s: has no %s", db_query_name(query), want);
	}
}

static void every_parameter_has_a_type(void **state)
{
	(void)state;
	struct db *db = opened();

	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		enum db_query query = (enum db_query)i;
		sqlite3_stmt *statement;
		assert_int_equal(sqlite3_prepare_v2(raw(db),
				     db_query_text(query), -1, &statement, NULL),
		    SQLITE_OK);
		check_parameters(statement, query);
		sqlite3_finalize(statement);
	}
	db_close(db);
}

/* db_run takes the id of the changed row from the first value. */
static void every_effect_names_its_row(void **state)
{
	(void)state;

	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		enum db_query query = (enum db_query)i;
		enum db_effect_type type = db_query_effect(query)->type;
		if (type != DB_NO_EFFECT && type != DB_ADDS &&
		    type != DB_TOUCHES_ANY && type != DB_APART &&
		    db_query_types(query)[0] != 'i')
			fail_msg("%s: does not begin with an id",
			    db_query_name(query));
	}
}

/* --- the dialect, see query.h --- */

/* What only SQLite has, or what has another meaning in PostgreSQL. */
static const char *const forbidden[] = {"zeroblob", " glob ", "insert or",
    "replace into", "hex(", "json", "printf(", "rowid", "ifnull", "iif(",
    "limit -", "x'", "0x", "\"", "`", "==", " is ?", "indexed by", "typeof(",
    "instr(", "group_concat", "total(", "randomblob", "changes(", "unixepoch",
    "strftime", "julianday", "pragma", "sqlite_", "collate "};

/* at: behind the opening parenthesis. Whether there is a second argument. */
static bool has_a_comma(const char *at)
{
	for (int depth = 1; *at && depth > 0; at++) {
		if (*at == ',' && depth == 1)
			return true;
		depth += *at == '(';
		depth -= *at == ')';
	}
	return false;
}

static bool has_scalar(const char *sql, const char *function)
{
	size_t len = strlen(function);

	for (const char *at = sql; (at = strcasestr(at, function)); at += len)
		if ((at == sql ||
			(!isalnum((unsigned char)at[-1]) && at[-1] != '_')) &&
		    has_a_comma(at + len))
			return true;
	return false;
}

static const char *foreign_word(const char *sql)
{
	for (size_t i = 0; i < COUNT(forbidden); i++)
		if (strcasestr(sql, forbidden[i]))
			return forbidden[i];
	return has_scalar(sql, "max(")	 ? "max(a, b)"
	       : has_scalar(sql, "min(") ? "min(a, b)"
					 : NULL;
}

static void no_statement_is_of_sqlite_alone(void **state)
{
	(void)state;

	assert_null(foreign_word("SELECT max(greatest(a, b)) FROM t"));
	assert_non_null(foreign_word("SELECT max((a), b) FROM t"));
	assert_non_null(foreign_word("SELECT 1+MIN(a, b) FROM t"));
	assert_non_null(foreign_word("SELECT a FROM t LIMIT -1 OFFSET 1"));
	for (int i = DB_NONE + 1; i < DB_QUERIES; i++) {
		const char *word = foreign_word(db_query_text((enum db_query)i));
		if (word)
			fail_msg("%s: has %s", db_query_name((enum db_query)i),
			    word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_step_never_changes),
	    cmocka_unit_test_setup_teardown(
		every_column_is_exported, temp_setup, temp_teardown),
	    cmocka_unit_test(no_statement_forgets_the_journal),
	    cmocka_unit_test_setup_teardown(
		no_statement_forgets_the_cache, temp_setup, temp_teardown),
	    cmocka_unit_test(no_statement_forgets_a_members_certificate),
	    cmocka_unit_test_setup_teardown(
		every_parameter_has_a_type, temp_setup, temp_teardown),
	    cmocka_unit_test(every_effect_names_its_row),
	    cmocka_unit_test(no_statement_is_of_sqlite_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
