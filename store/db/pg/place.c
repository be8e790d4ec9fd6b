/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"
#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* A store that is not open: a schema of a database, with its tables or
 * without. */

const char *const pg_files[] = {NULL};

/* Leaves room for what a draft has behind it. */
size_t pg_path_max(void)
{
	return 1024;
}

/* What comes first in opening a store: privileges have been given up. */
int pg_directory(const char *path, int *dir)
{
	(void)path;
	pg_resolve_beside();
	*dir = AT_FDCWD;
	return 0;
}

/* --- schemas --- */

static int quote(struct pg_link *link, const char *name, struct bytes *out)
{
	char *quoted = pq.PQescapeIdentifier(link->pg, name, strlen(name));
	int rc = quoted ? bytes_add(out, quoted, strlen(quoted) + 1) : -ENOMEM;

	pq.PQfreemem(quoted);
	return rc;
}

static int read_text(int statement, const PGresult *row, void *arg)
{
	(void)statement;
	if (pq.PQgetisnull(row, 0, 0))
		return 0;
	return bytes_add(
	    arg, pq.PQgetvalue(row, 0, 0), strlen(pq.PQgetvalue(row, 0, 0)));
}

int pg_schema(struct pg_link *link, const char *suffix, struct bytes *out)
{
	int rc = pg_exec_rows(link, "SELECT current_schema()", read_text, out);

	if (!rc && !out->len) {
		report(LOG_ERR,
		    "store: the user has no schema in this database: make one (CREATE SCHEMA), or set its search_path");
		rc = -ENOENT;
	}
	if (!rc)
		rc = bytes_add(out, suffix, strlen(suffix));
	return rc ? rc : bytes_add(out, "", 1);
}

int pg_use_schema(struct pg_link *link, const char *schema)
{
	CLEANUP_BYTES struct bytes name = {0}, sql = {0};
	int rc = quote(link, schema, &name);

	if (!rc)
		rc = bytes_printf(
		    &sql, "SET search_path TO %s", (char *)name.data);
	if (!rc)
		rc = bytes_add(&sql, "", 1);
	return rc ? rc : pg_exec(link, (char *)sql.data);
}

/* Connects, and finds the name of the schema. */
static int visit(const char *path, struct pg_link **link, struct bytes *schema)
{
	const char *suffix;
	char *where = pg_where(path, &suffix);
	int rc = where ? pg_connect(where, pg_patience_ms, link) : -ENOMEM;

	free(where);
	if (!rc)
		rc = pg_schema(*link, suffix, schema);
	return rc;
}

static int note_row(int statement, const PGresult *row, void *arg)
{
	(void)statement;
	*(bool *)arg = strcmp(pq.PQgetvalue(row, 0, 0), "t") == 0;
	return 0;
}

/* Whether the schema has a store's tables. */
static int has_tables(struct pg_link *link, const char *schema, bool *has)
{
	CLEANUP_BYTES struct bytes sql = {0};
	char *name = pq.PQescapeLiteral(link->pg, schema, strlen(schema));
	int rc = name ? bytes_printf(&sql,
			    "SELECT EXISTS (SELECT 1 FROM pg_tables "
			    "WHERE schemaname = %s AND tablename = 'batch')",
			    name)
		      : -ENOMEM;

	pq.PQfreemem(name);
	if (!rc)
		rc = bytes_add(&sql, "", 1);
	return rc ? rc : pg_exec_rows(link, (char *)sql.data, note_row, has);
}

int pg_is_missing(int dir, const char *path)
{
	CLEANUP_BYTES struct bytes schema = {0};
	struct pg_link *link = NULL;
	bool has = false;

	(void)dir;
	int rc = visit(path, &link, &schema);
	if (!rc)
		rc = has_tables(link, (char *)schema.data, &has);
	pg_disconnect(link);
	return rc ? rc : !has;
}

bool pg_has_lost_its_file(int dir, const char *path)
{
	(void)dir;
	(void)path;
	return false;
}

int pg_check_missing(int dir, const char *path)
{
	(void)dir;
	(void)path;
	return 0;
}

/* Runs statements in which %1$s is the quoted schema. */
static int change_schema(
    struct pg_link *link, const char *schema, const char *sql)
{
	CLEANUP_BYTES struct bytes name = {0}, text = {0};
	int rc = quote(link, schema, &name);

	for (; *sql && !rc; sql++)
		rc = *sql == '@' ? bytes_add(&text, name.data, name.len - 1)
				 : bytes_add(&text, sql, 1);
	if (!rc)
		rc = bytes_add(&text, "", 1);
	return rc ? rc : pg_exec(link, (char *)text.data);
}

/* Only a draft is removed: the tables of a store are its operator's. */
int pg_remove(int dir, const char *path)
{
	CLEANUP_BYTES struct bytes schema = {0};
	struct pg_link *link = NULL;

	(void)dir;
	int rc = strchr(path, '#') ? visit(path, &link, &schema) : -EPERM;
	if (!rc)
		rc = change_schema(link, (char *)schema.data,
		    "DROP SCHEMA IF EXISTS @ CASCADE");
	pg_disconnect(link);
	return rc;
}

int pg_make_draft(struct pg_link *link, const char *schema)
{
	return change_schema(link, schema, "CREATE SCHEMA @");
}

/* The draft's tables go to the store's schema, in one transaction. */
int pg_publish(int dir, const char *draft, const char *path)
{
	static const char move[] =
	    "DO $do$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables "
	    "WHERE schemaname = current_setting('enrollfs.source') LOOP "
	    "EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', current_setting('enrollfs.source'), t, "
	    "current_setting('enrollfs.target')); END LOOP; END $do$";
	CLEANUP_BYTES struct bytes from = {0}, to = {0}, sql = {0};
	struct pg_link *link = NULL;

	(void)dir;
	int rc = visit(draft, &link, &from);
	if (!rc)
		rc = pg_schema(link, "", &to);
	char *a = rc ? NULL
		     : pq.PQescapeLiteral(
			   link->pg, (char *)from.data, from.len - 1);
	char *b = rc ? NULL
		     : pq.PQescapeLiteral(link->pg, (char *)to.data, to.len - 1);
	if (!rc)
		rc = bytes_printf(&sql,
		    "BEGIN; SET LOCAL enrollfs.source = %s; SET LOCAL enrollfs.target = %s; %s",
		    a ? a : "''", b ? b : "''", move);
	pq.PQfreemem(a);
	pq.PQfreemem(b);
	if (!rc)
		rc = bytes_add(&sql, "", 1);
	if (!rc)
		rc = pg_exec(link, (char *)sql.data);
	if (!rc)
		rc = change_schema(
		    link, (char *)from.data, "DROP SCHEMA @; COMMIT");
	pg_disconnect(link);
	if (rc)
		report(LOG_ERR, "store %s: could not be made: %s", path,
		    strerror(-rc));
	return rc;
}

/* Hosts share a store: nothing is locked. */
int pg_lock(int dir, const char *path, bool read_only, bool must_be_new, int *fd)
{
	*fd = -1;
	int missing = read_only && !must_be_new ? 0 : pg_is_missing(dir, path);
	if (missing < 0 || !must_be_new || missing)
		return missing < 0 ? missing : 0;
	report(LOG_ERR,
	    "%s: %s: nothing is overwritten; fsck.enrollfs says what it is",
	    path, strerror(EEXIST));
	return -EEXIST;
}

int pg_hold(int dir, const char *path, int *fd)
{
	(void)dir;
	(void)path;
	*fd = -1;
	return 0;
}

int pg_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg)
{
	(void)dir;
	(void)path;
	(void)fn;
	(void)arg;
	return 0;
}
