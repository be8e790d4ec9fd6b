/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"
#include "store/db/pg/pg.h"

/*
 * The schema, as the steps that made it; `batch`.schema counts those done. A
 * new store runs all of them. A step never changes, and others are only added
 * at the end. Units, and what the columns mean, are as in sqlite/steps.c.
 *
 * Texts compare by their bytes. Rows that change often leave room for that in
 * their page, and what changes in them is in no index. References are checked
 * at the end of a transaction only in a restore.
 */

/* clang-format off */

#define N "bigint NOT NULL"
#define ZERO N " DEFAULT 0"
#define TXT "text COLLATE \"C\""
#define OBJECT \
	"id bigint PRIMARY KEY, name " TXT " NOT NULL, uid " N ", gid " N ", mode " N ", bare " ZERO ", " \
	"created " N ", modified " N ", modified_by " N ", removed bigint, owned " ZERO ", " \
	"ctime " ZERO ", edited " ZERO ", shown " ZERO ", made " ZERO ", "
#define REFERS(table) "REFERENCES " table "(id) DEFERRABLE"

static const char *const steps[] = {
	/* The tables of the first version that has this engine. batch: how many batches there have been,
	 * of all hosts, and the moment of the last one. */
	"CREATE TABLE batch (one bigint PRIMARY KEY CHECK (one = 1), schema " N ", number " N ", at " N ") "
	    "WITH (fillfactor = 10);"
	"INSERT INTO batch VALUES (1, 0, 0, 0);"
	"CREATE TABLE host (instance " TXT " PRIMARY KEY, batch " N ", at " N ") WITH (fillfactor = 10);"
	"CREATE TABLE setting (name " TXT " PRIMARY KEY, value bytea NOT NULL);"
	"CREATE TABLE place (id bigint PRIMARY KEY, uid " N ", gid " N ", mode " N ", created " N ", changed " N ", "
	    "owned " ZERO ", version " ZERO ", ctime " ZERO ");"
	"CREATE TABLE cert (" OBJECT "issuer bigint " REFERS("cert") ", algorithm " TXT " NOT NULL, "
	    "subject " TXT " NOT NULL, sealed_key bytea, csr bytea NOT NULL, der bytea NOT NULL, "
	    "spki_hash bytea NOT NULL, serial bytea NOT NULL, not_before " N ", not_after " N ", "
	    "enabled " N " DEFAULT 1, managed " ZERO ", validity_days " N ", ca_validity_days " N ", crl_days " N ", "
	    "issued " ZERO ", revoked " ZERO ", counted " ZERO ", chain bytea, version " ZERO ", "
	    "issued_until " ZERO ") WITH (fillfactor = 50);"
	"CREATE UNIQUE INDEX cert_name ON cert (name) WHERE removed IS NULL;"
	"CREATE INDEX cert_spki ON cert (spki_hash);"
	"CREATE INDEX cert_issuer ON cert (issuer);"
	"CREATE TABLE grp (" OBJECT "place " N " " REFERS("place") ", description " TXT " NOT NULL DEFAULT '', "
	    "enabled " N " DEFAULT 1, signing_cert " N " " REFERS("cert") ", keys_changed " N ", members_changed " N ", "
	    "version " ZERO ") WITH (fillfactor = 50);"
	"CREATE UNIQUE INDEX grp_name ON grp (place, name) WHERE removed IS NULL;"
	"CREATE INDEX grp_list ON grp (place, id) WHERE removed IS NULL;"
	"CREATE INDEX grp_cert ON grp (signing_cert) WHERE removed IS NULL;"
	"CREATE TABLE prov_key (" OBJECT "grp " N " " REFERS("grp") ", description " TXT " NOT NULL DEFAULT '', "
	    "enabled " N " DEFAULT 1, signing_cert " N " " REFERS("cert") ", secret_hash bytea, sealed_secret bytea, "
	    "max_uses bigint CHECK (max_uses >= 0), uses " ZERO ", expires bigint, managed " ZERO ", copies " ZERO ", "
	    "last_copied " ZERO ", last_used " ZERO ", version " ZERO ", lost " ZERO ") WITH (fillfactor = 30);"
	"CREATE UNIQUE INDEX key_name ON prov_key (grp, name) WHERE removed IS NULL;"
	"CREATE INDEX key_list ON prov_key (grp, id) WHERE removed IS NULL;"
	"CREATE INDEX key_cert ON prov_key (signing_cert) WHERE removed IS NULL;"
	"CREATE TABLE member (" OBJECT "grp " N " " REFERS("grp") ", description " TXT " NOT NULL DEFAULT '', "
	    "prov_key " N " " REFERS("prov_key") ", enrolled_by " N ", origin " TXT ", newest " ZERO ", oldest bigint);"
	"CREATE UNIQUE INDEX member_name ON member (grp, name) WHERE removed IS NULL;"
	"CREATE INDEX member_list ON member (grp, id) WHERE removed IS NULL;"
	"CREATE INDEX member_key ON member (prov_key);"
	"CREATE TABLE file_owner (ino bigint PRIMARY KEY, kind " N ", object " N ", uid " N ", gid " N ", mode " N ", "
	    "ctime " ZERO ");"
	"CREATE INDEX file_owner_object ON file_owner (kind, object);"
	"CREATE TABLE crl (cert bigint PRIMARY KEY " REFERS("cert") ", number " N ", made " N ", this_update " N ", "
	    "next_update " N ", covers " N ", days " N ", der bytea NOT NULL);"
	"CREATE TABLE vacated (version " N ");"
	"INSERT INTO vacated VALUES (0);"
	/* no two certificates on one public key are both somebody's first: stands behind what the claims check */
	"CREATE TABLE issued (id bigint PRIMARY KEY, member " N " " REFERS("member") ", "
	    "prov_key " N " " REFERS("prov_key") ", cert " N " " REFERS("cert") ", first " N ", serial bytea NOT NULL, "
	    "spki_hash bytea NOT NULL, names " TXT " NOT NULL, created " N ", not_before " N ", not_after " N ", "
	    "revoked bigint, reason " TXT ", der bytea NOT NULL, csr bytea NOT NULL, previous bigint, "
	    "CHECK ((revoked IS NULL) = (reason IS NULL)));"
	"CREATE INDEX issued_revoked ON issued (cert, not_after) WHERE revoked IS NOT NULL;"
	"CREATE INDEX issued_spki ON issued (spki_hash, id);"
	"CREATE UNIQUE INDEX issued_first ON issued (spki_hash) WHERE first = 1;"
	"CREATE TABLE event (seq bigint PRIMARY KEY, at " N ", ends " N ", data " TXT ", issued bigint " REFERS("issued") ", "
	    "line bigint, line_ends bigint, uid bigint, gid bigint, pid bigint, comm " TXT ", action " TXT ", "
	    "object " TXT ", more " TXT ", result " TXT ", reason " TXT ", prev bytea, whole " TXT ", "
	    "shown " ZERO ", latest " ZERO ");"
	"CREATE INDEX event_line_ends ON event (line_ends) WHERE line % 64 = 0;"
	"CREATE UNIQUE INDEX event_line ON event (line);"
	"CREATE TABLE former (kind " N ", parent " N ", name " TXT " NOT NULL, id " N ", "
	    "PRIMARY KEY (kind, parent, name, id));",
	/* the last batch that changed more than counters, and what only enrolling adds */
	"ALTER TABLE batch ADD edited " ZERO ";"
	"UPDATE batch SET edited = number;",

#include "store/db/pg/steps.inc"
};

/* clang-format on */

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* Runs the steps behind those that were done. */
static int run_steps(struct pg_link *link, int from)
{
	char done[64];
	int rc = 0;

	for (int i = from; i < STEPS && !rc; i++)
		rc = pg_exec(link, steps[i]);
	snprintf(done, sizeof(done), "UPDATE batch SET schema = %d", STEPS);
	return rc ? rc : pg_exec(link, done);
}

int pg_schema_version(void)
{
	return STEPS;
}

int pg_make_tables(struct pg_link *link)
{
	return run_steps(link, 0);
}

static int upgrade(struct pg_link *link, int from)
{
	int rc = pg_exec(link, "BEGIN; LOCK TABLE batch");

	if (!rc)
		rc = run_steps(link, from);
	return rc ? rc : pg_exec(link, "COMMIT");
}

static int read_version(int statement, const PGresult *row, void *arg)
{
	(void)statement;
	*(int *)arg = (int)strtol(pq.PQgetvalue(row, 0, 0), NULL, 10);
	return 0;
}

int pg_check_version(struct pg_link *link, const char *path, bool may_upgrade)
{
	int version = 0;
	int rc = pg_exec_rows(
	    link, "SELECT schema FROM batch", read_version, &version);

	if (rc || version == STEPS)
		return rc;
	if (version < STEPS && may_upgrade)
		return upgrade(link, version);
	report(LOG_ERR,
	    version > STEPS
		? "store %s: made by a later version of enrollfs"
		: "store %s: of an earlier version: bring it up to date with fsck.enrollfs --upgrade, when no host has it mounted",
	    path);
	return -EINVAL;
}

/* --- checking --- */

#define UNQUALIFIED(text) \
	"regexp_replace(" text ", ' (ON|REFERENCES) [^ ]+\\.', ' \\1 ')"

/* What a schema has: tables with their columns, indexes, constraints. */
#define PARTS(schema)                                                                                                   \
	"SELECT 'table ' || c.relname AS part, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || " \
	"a.attnotnull, ',' ORDER BY a.attnum) AS text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "       \
	"AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind = 'r' AND c.relnamespace = " schema                    \
	" GROUP BY c.relname "                                                                                          \
	"UNION ALL SELECT 'index ' || c.relname, " UNQUALIFIED(                                                         \
	    "pg_get_indexdef(c.oid)") " FROM pg_class c WHERE c.relkind = 'i' AND c.relnamespace = " schema             \
				      " "                                                                               \
				      "UNION ALL SELECT 'constraint ' || k.conname, " UNQUALIFIED(                      \
					  "pg_get_constraintdef(k.oid)") " "                                            \
									 "FROM pg_constraint k WHERE k.connamespace = " schema

/* The tables that should be there are made for a moment as temporary ones, in a
 * transaction that is rolled back. */
static const char parts_missing[] = "SELECT w.part FROM (" PARTS(
    "pg_my_temp_schema()") ") w "
			   "WHERE NOT EXISTS (SELECT 1 FROM (" PARTS(
			       "(SELECT oid FROM pg_namespace WHERE nspname = $1)") ") h WHERE h.part = w.part AND h.text = w.text) ORDER BY 1";

struct faults {
	db_fault_fn fn;
	void *arg;
};

static int each_fault(const PGresult *result, const struct faults *f)
{
	int rc = 0;

	for (int i = 0; i < pq.PQntuples(result) && !rc; i++)
		rc = f->fn(pq.PQgetvalue(result, i, 0), f->arg);
	return rc;
}

static int compare(
    struct pg_link *link, const char *schema, const struct faults *f)
{
	int64_t until = pg_until(link);
	const char *const value[] = {schema};
	PGresult *result, *rest;

	if (!pq.PQsendQueryParams(
		link->pg, parts_missing, 1, NULL, value, NULL, NULL, 0))
		return pg_error(link, NULL, "comparing the schema");
	result = pg_next(link, until);
	while ((rest = pg_next(link, until)))
		pq.PQclear(rest);
	int rc = pq.PQresultStatus(result) == PGRES_TUPLES_OK
		     ? each_fault(result, f)
		     : pg_error(link, result, "comparing the schema");
	pq.PQclear(result);
	return rc;
}

static int check_schema(
    struct pg_link *link, const struct pg_db *db, const struct faults *f)
{
	int rc = pg_exec(
	    link, "BEGIN READ WRITE; SET LOCAL search_path TO pg_temp");

	if (!rc)
		rc = pg_make_tables(link);
	if (!rc)
		rc = compare(link, db->schema, f);
	if (!pg_is_lost(link))
		pg_exec(link, "ROLLBACK");
	return rc;
}

static int add_fault(int statement, const PGresult *row, void *arg)
{
	(void)statement;
	return each_fault(row, arg);
}

/* What PostgreSQL checks by itself, which is references, is not looked at. */
int pg_check(
    struct db_conn *base, enum db_check what, db_fault_fn fault, void *arg)
{
	static const char ids[] =
	    "SELECT 'ids of deleted rows would be given again' FROM setting "
	    "WHERE name = 'last_id' AND (encode(value, 'escape') ~ '[^0-9]' "
	    "OR length(value) NOT BETWEEN 1 AND 15)";
	struct pg_conn *conn = (struct pg_conn *)base;
	struct faults f = {fault, arg};

	if (what == DB_CHECK_FILE)
		return 0;
	struct pg_link *link = pg_acquire(conn);
	if (!link)
		return -EIO;
	int rc = what == DB_CHECK_SCHEMA
		     ? check_schema(link, base->db->handle, &f)
		     : pg_exec_rows(link, ids, add_fault, &f);
	pg_release(conn);
	return rc;
}
