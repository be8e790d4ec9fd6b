/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/merge.h"

#include <errno.h>
#include <string.h>

#include "store/backup/export.h"
#include "store/backup/journal.h"
#include "store/base/clock.h"
#include "store/db/columns.h"
#include "store/db/db.h"
#include "store/store.h"

/* Values of a row: the id, then its columns. */
struct row {
	const struct db_columns *of;
	struct db_value value[DB_COLUMNS_MAX + 1];
	struct bytes bytes[DB_COLUMNS_MAX + 1]; /* that values point to */
};

static const struct {
	enum db_query get, add, change;
} query[DB_KINDS] = {
    [DB_PLACE] = {DB_PLACE_ROW, DB_PLACE_RESTORE, DB_PLACE_MERGE},
    [DB_CERT] = {DB_CERT_ROW, DB_CERT_RESTORE, DB_CERT_MERGE},
    [DB_GROUP] = {DB_GROUP_ROW, DB_GROUP_RESTORE, DB_GROUP_MERGE},
    [DB_KEY] = {DB_KEY_ROW, DB_KEY_RESTORE, DB_KEY_MERGE},
    [DB_MEMBER] = {DB_NONE, DB_NONE, DB_MEMBER_MERGE},
    [DB_ISSUED] = {DB_NONE, DB_ISSUED_RESTORE, DB_NONE},
    [DB_PENDING] = {DB_PENDING_ROW, DB_PENDING_RESTORE, DB_PENDING_MERGE},
    [DB_REVOKED] = {DB_NONE, DB_NONE, DB_REVOKED_MERGE},
    [DB_ENROLLED] = {DB_NONE, DB_ENROLLED_RESTORE, DB_NONE},
    [DB_CRL] = {DB_CRL_ROW, DB_CRL_RESTORE, DB_CRL_MERGE},
    [DB_COMPROMISED] = {DB_NONE, DB_COMPROMISED_RESTORE, DB_NONE},
};

static void free_row(struct row *row)
{
	for (int i = 0; i <= DB_COLUMNS_MAX; i++)
		bytes_free(&row->bytes[i]);
}

enum db_kind merge_kind(const json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "kind"));

	for (int kind = 0; name && kind < DB_KINDS; kind++)
		if (db_columns[kind].kind &&
		    strcmp(name, db_columns[kind].kind) == 0)
			return (enum db_kind)kind;
	return DB_KINDS;
}

/* --- from JSON --- */

/* A copy may be older than the column: a missing member is 0 or empty. */
static int load_number(const json_t *json, struct db_value *out)
{
	if (json && !json_is_null(json) && !json_is_integer(json))
		return -EBADMSG;
	*out = json_is_null(json) ? DB_NIL : DB_INT(json_integer_value(json));
	return 0;
}

static int load_text(
    const json_t *json, struct bytes *bytes, struct db_value *out)
{
	if (json && !json_is_null(json) && !json_is_string(json))
		return -EBADMSG;
	int rc = bytes_add(
	    bytes, json_string_value(json), json_string_length(json));
	if (!rc)
		rc = bytes_add(bytes, "", 1);
	*out = json_is_null(json) ? DB_NIL : DB_TEXT((const char *)bytes->data);
	return rc;
}

/* An empty string is NULL if the column may be NULL. */
static int load_hex(const json_t *json, bool optional, struct bytes *bytes,
    struct db_value *out)
{
	const char *text = json_string_value(json);
	size_t n = text ? strlen(text) / 2 : 0;

	if (!text && !optional)
		return -EBADMSG;
	int rc = n ? bytes_extend(bytes, n) : 0;
	if (!rc && n && hex_bytes(text, strlen(text), bytes->data, n))
		rc = -EBADMSG;
	*out = n || !optional ? DB_BLOB(n ? bytes->data : (void *)"", n)
			      : DB_NIL;
	return rc;
}

static int load_column(struct row *row, int i, const json_t *json)
{
	const struct db_column *column = &row->of->column[i];
	const json_t *value = json_object_get(
	    json, column->merge == DB_MERGE_CREATED ? "created" : column->name);
	struct db_value *out = &row->value[i + 1];

	*out = DB_NIL;
	switch (column->type) {
	case DB_COLUMN_INT:
		return load_number(value, out);
	case DB_COLUMN_TEXT:
		return load_text(value, &row->bytes[i + 1], out);
	case DB_COLUMN_HEX:
	case DB_COLUMN_HEX_OR_NULL:
		return load_hex(value, column->type == DB_COLUMN_HEX_OR_NULL,
		    &row->bytes[i + 1], out);
	default:
		return 0;
	}
}

static struct db_value *value_of(struct row *row, const char *name)
{
	for (int i = 0; i < row->of->count; i++)
		if (row->of->column[i].type != DB_COLUMN_PRESENT &&
		    strcmp(row->of->column[i].name, name) == 0)
			return &row->value[i + 1];
	return NULL;
}

/* During the restore, `removed` is 0 for what is not deleted. */
static void mark_alive(struct row *row)
{
	struct db_value *removed = value_of(row, "removed");

	if (removed && removed->type == DB_NULL)
		*removed = DB_INT(0);
}

static int load(struct row *row, enum db_kind kind, const json_t *json)
{
	const struct db_columns *of = &db_columns[kind];
	const json_t *id = json_object_get(json, of->id);
	int rc = json_is_integer(id) ? 0 : -EBADMSG;

	row->of = of;
	row->value[0] = DB_INT(json_integer_value(id));
	for (int i = 0; i < of->count && !rc; i++)
		rc = load_column(row, i, json);
	mark_alive(row);
	return rc;
}

/* --- from the database --- */

static int read_column(const struct db_row *from, struct row *row, int i)
{
	enum db_type type = row->of->column[i].type;
	struct db_value *out = &row->value[i + 1];
	size_t len;

	*out = DB_NIL;
	if (db_is_null(from, i + 1) || type == DB_COLUMN_PRESENT)
		return 0;
	if (type == DB_COLUMN_INT) {
		*out = DB_INT(db_int(from, i + 1));
		return 0;
	}
	const void *blob = db_blob(from, i + 1, &len);
	int rc = bytes_add(&row->bytes[i + 1], blob, len);
	if (!rc)
		rc = bytes_add(&row->bytes[i + 1], "", 1);
	*out = type == DB_COLUMN_TEXT ? DB_TEXT(row->bytes[i + 1].data)
				      : DB_BLOB(row->bytes[i + 1].data, len);
	return rc;
}

static int read_row(const struct db_row *from, void *arg)
{
	struct row *row = arg;
	int rc = 0;

	for (int i = 0; i < row->of->count && !rc; i++)
		rc = read_column(from, row, i);
	return rc ? rc : 1;
}

/* --- two versions --- */

struct merging {
	struct row *new, *old;
	bool alive, exportable, same_key, same_secret;
};

static struct db_value either(struct db_value a, struct db_value b)
{
	return a.type == DB_NULL ? b : a;
}

static struct db_value larger(struct db_value a, struct db_value b)
{
	if (a.type == DB_NULL || b.type == DB_NULL)
		return either(a, b);
	return a.i > b.i ? a : b;
}

static struct db_value merged(const struct merging *m, enum db_merge rule, int i)
{
	struct db_value new = m->new->value[i], old = m->old->value[i];

	switch (rule) {
	case DB_MERGE_LARGER:
		return larger(new, old);
	case DB_MERGE_ONCE:
	case DB_MERGE_CREATED:
		return old;
	case DB_MERGE_PRIVATE_KEY:
		return !m->alive ? DB_NIL
				 : either(new, m->same_key ? old : DB_NIL);
	case DB_MERGE_SECRET_HASH:
		return m->alive ? either(new, m->same_secret ? old : DB_NIL)
				: DB_NIL;
	case DB_MERGE_SECRET:
		return m->alive && m->exportable
			   ? either(new, m->same_secret ? old : DB_NIL)
			   : DB_NIL;
	default:
		return new;
	}
}

static bool equal(const struct db_value *a, const struct db_value *b)
{
	return a && b && a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* Whether the secret has not been replaced between the versions. */
static bool same_secret(struct row *new, struct row *old)
{
	const struct db_value *a = value_of(new, "secret_since"),
			      *b = value_of(old, "secret_since");

	return !a || !b || a->i == b->i;
}

static void merge(struct row *new, struct row *old, const json_t *json)
{
	const struct db_value *removed = value_of(new, "removed");
	const struct merging m = {
	    .new = new,
	    .old = old,
	    .alive = removed && removed->i == 0,
	    .exportable = json_integer_value(
		json_object_get(json, "exportable")),
	    .same_key = equal(
		value_of(new, "spki_hash"), value_of(old, "spki_hash")),
	    .same_secret = same_secret(new, old),
	};

	for (int i = 0; i < new->of->count; i++)
		new->value[i + 1] = merged(&m, new->of->column[i].merge, i + 1);
}

static bool is_newer(struct row *new, struct row *old)
{
	const struct db_value *a = value_of(new, "version"),
			      *b = value_of(old, "version");

	return !a || !b || a->i > b->i;
}

/* --- storing --- */

static int add_files(
    struct db_conn *conn, enum db_kind kind, int64_t id, const json_t *files)
{
	size_t i;
	json_t *file;
	int rc = 0;

	json_array_foreach(files, i, file)
	{
#define AT(n) DB_INT(json_integer_value(json_array_get(file, n)))
		if (!rc)
			rc = db_change(conn, DB_RESTORE_OWNER,
			    DB_ARGS(AT(0), DB_INT((int64_t)kind), DB_INT(id),
				AT(1), AT(2), AT(3)));
#undef AT
	}
	return rc;
}

static int store_owners(struct db_conn *conn, enum db_kind kind,
    struct row *row, const json_t *json)
{
	const struct db_value *removed = value_of(row, "removed");
	int64_t id = row->value[0].i;
	int rc = db_change(conn, DB_FILE_OWNER_DROP_ALL,
	    DB_ARGS(DB_INT((int64_t)kind), DB_INT(id)));

	if (rc || (removed && removed->i))
		return rc;
	return add_files(conn, kind, id, json_object_get(json, "files"));
}

/* Runs a statement with the values of the row, without PRESENT columns: these
 * are not stored. last: the value of one more parameter, or NULL. */
static int run(struct db_conn *conn, enum db_query statement,
    const struct row *row, const struct db_value *last)
{
	/* the id, the columns, the last, the end */
	struct db_value args[DB_COLUMNS_MAX + 3] = {row->value[0]};
	int n = 1;

	for (int i = 0; i < row->of->count; i++)
		if (row->of->column[i].type != DB_COLUMN_PRESENT)
			args[n++] = row->value[i + 1];
	if (last)
		args[n] = *last;
	return db_change(conn, statement, args);
}

static int add(struct db_conn *conn, enum db_kind kind, const struct row *row)
{
	/* the revocation list itself is not exported */
	return run(conn, query[kind].add, row,
	    kind == DB_CRL ? &DB_BLOB("", 0) : NULL);
}

/* Returns 1 if the row was stored, 0 if the stored one is newer. */
static int store_row(struct db_conn *conn, enum db_kind kind, struct row *new,
    struct row *old, const json_t *json)
{
	int rc = -ENOENT;

	old->of = new->of;
	if (kind == DB_MEMBER)
		rc = journal_keep_origin(conn, new->value[0].i);
	else if (query[kind].change && !query[kind].add)
		rc = 0;
	else if (query[kind].get)
		rc = db_one(conn, query[kind].get, DB_ARGS(new->value[0]),
		    read_row, old, -ENOENT);
	if (rc == -ENOENT)
		rc = add(conn, kind, new);
	else if (!rc && query[kind].get && !is_newer(new, old))
		return 0;
	else if (!rc) {
		if (query[kind].get)
			merge(new, old, json);
		rc = run(conn, query[kind].change, new, NULL);
	}
	return rc ? rc : 1;
}

int merge_row(struct db_conn *conn, enum db_kind kind, const json_t *json)
{
	struct row new = {0}, old = {0};
	int rc = load(&new, kind, json);

	if (!rc)
		rc = store_row(conn, kind, &new, &old, json);
	if (rc > 0 && db_columns[kind].files)
		rc = store_owners(conn, kind, &new, json);
	free_row(&new);
	free_row(&old);
	return rc < 0 ? rc : 0;
}
