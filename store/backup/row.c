/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/row.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/base/json.h"
#include "store/db/columns.h"
#include "store/db/db.h"
#include "store/store.h"

struct rendering {
	struct db_conn *conn;
	enum db_kind kind;
	bool sealed;
	struct bytes *out;
	int64_t version;
	const char *comma;
};

static int add_file(const struct db_row *row, void *arg)
{
	struct rendering *r = arg;
	const char *comma = r->comma;

	r->comma = ",";
	return bytes_printf(r->out,
	    "%s[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", comma,
	    db_int(row, 0), db_int(row, 1), db_int(row, 2), db_int(row, 3));
}

/* Adds the object's files that have owners of their own. */
static int add_files(struct rendering *r, int64_t id)
{
	int rc = bytes_printf(r->out, ",\"files\":[");

	r->comma = "";
	if (!rc)
		rc = db_each(r->conn, DB_ROW_FILES,
		    DB_ARGS(DB_INT((int64_t)r->kind), DB_INT(id)), add_file, r);
	return rc ? rc : bytes_add(r->out, "]", 1);
}

static int add_value(
    struct rendering *r, const struct db_row *row, int i, enum db_type type)
{
	size_t len = 0;

	if (type == DB_COLUMN_PRESENT)
		return bytes_number(r->out, !db_is_null(row, i));
	const void *blob = type == DB_COLUMN_INT ? NULL : db_blob(row, i, &len);
	if (type == DB_COLUMN_HEX || type == DB_COLUMN_HEX_OR_NULL)
		return json_hex(r->out, blob, len);
	if (db_is_null(row, i))
		return bytes_add(r->out, "null", 4);
	if (type == DB_COLUMN_TEXT)
		return json_text(r->out, blob, len);
	return bytes_number(r->out, db_int(row, i));
}

/* Adds `,"name":`. */
static int add_name(struct rendering *r, const char *name)
{
	int rc = bytes_add(r->out, ",\"", 2);

	if (!rc)
		rc = bytes_add(r->out, name, strlen(name));
	return rc ? rc : bytes_add(r->out, "\":", 2);
}

static int add_column(struct rendering *r, const struct db_row *row, int i,
    const struct db_column *column)
{
	if (column->export == DB_NOT_EXPORTED ||
	    (column->export == DB_SEALED && !r->sealed))
		return 0;
	if (strcmp(column->name, "version") == 0)
		r->version = db_int(row, i);
	int rc = add_name(r, column->name);
	return rc ? rc : add_value(r, row, i, column->type);
}

static bool is_deleted(
    const struct db_row *row, int i, const struct db_column *column)
{
	return strcmp(column->name, "removed") == 0 && !db_is_null(row, i);
}

static int add_head(struct rendering *r, int64_t id)
{
	const struct db_columns *of = &db_columns[r->kind];
	int rc = of->kind ? bytes_printf(r->out, "{\"kind\":\"%s\",", of->kind)
			  : bytes_add(r->out, "{", 1);

	return rc ? rc : bytes_printf(r->out, "\"%s\":%" PRId64, of->id, id);
}

/* at: the column of its id. */
static int render_at(struct rendering *r, const struct db_row *row, int at)
{
	const struct db_columns *of = &db_columns[r->kind];
	int64_t id = db_int(row, at);
	int rc = add_head(r, id);

	for (int i = 0; i < of->count && !rc; i++) {
		int column = at + 1 + i;
		if (r->sealed && is_deleted(row, column, &of->column[i]))
			return -ESTALE;
		if (of->files && i == of->head)
			rc = add_files(r, id);
		if (!rc)
			rc = add_column(r, row, column, &of->column[i]);
	}
	return rc ? rc : bytes_add(r->out, "}", 1);
}

static int render(const struct db_row *row, void *arg)
{
	int rc = render_at(arg, row, 0);

	return rc ? rc : 1;
}

int row_json_at(
    const struct db_row *row, int column, enum db_kind kind, struct bytes *out)
{
	struct rendering r = {.kind = kind, .out = out};

	return render_at(&r, row, column);
}

int row_json(struct db_conn *conn, enum db_kind kind, int64_t id, bool sealed,
    struct bytes *out, int64_t *version)
{
	static const enum db_query query[DB_KINDS] = {
	    [DB_PLACE] = DB_PLACE_ROW,
	    [DB_CERT] = DB_CERT_ROW,
	    [DB_GROUP] = DB_GROUP_ROW,
	    [DB_KEY] = DB_KEY_ROW,
	    [DB_MEMBER] = DB_MEMBER_ROW,
	    [DB_PENDING] = DB_PENDING_ROW,
	    [DB_REVOKED] = DB_REVOKED_ROW,
	    [DB_ENROLLED] = DB_ENROLLED_ROW,
	    [DB_CRL] = DB_CRL_ROW,
	    [DB_COMPROMISED] = DB_COMPROMISED_ROW,
	};
	struct rendering r = {conn, kind, sealed, out, 0, ""};
	int rc = db_one(
	    conn, query[kind], DB_ARGS(DB_INT(id)), render, &r, -ESTALE);

	if (version)
		*version = r.version;
	return rc;
}
