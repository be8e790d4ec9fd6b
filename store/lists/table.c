/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/base/json.h"
#include "store/internal.h"
#include "store/lists/page.h"
#include "store/lists/render.h"
#include "store/objects/object.h"
#include "store/objects/path.h"
#include "store/objects/shown.h"

/*
 * Tables with a row for each key or member: tab-separated for awk(1), grep(1)
 * and sort(1), and pages for a browser, whose rows are the same as JSON.
 */

struct table {
	struct store *store;
	struct snapshot_writer *writer;
	struct snapshot_times *times;
	int64_t now; /* seconds */
	bool page;
	int64_t rows;
};

/* Records that a state changes by itself at a date, or changed in the past. */
static void note_change(const struct table *t, int64_t seconds)
{
	if (seconds == STORE_NEVER)
		return;
	if (seconds > t->now && seconds < t->times->until)
		t->times->until = seconds;
	if (seconds <= t->now && seconds * CLOCK_SECOND > t->times->made)
		t->times->made = seconds * CLOCK_SECOND;
}

static const char *time_text(int64_t seconds, char out[CLOCK_TEXT])
{
	if (seconds == STORE_NEVER)
		return "never";
	clock_text(seconds, out);
	return out;
}

static const char *moment_text(int64_t moment, char out[CLOCK_TEXT])
{
	return time_text(
	    moment == STORE_NEVER ? STORE_NEVER : moment / CLOCK_SECOND, out);
}

/* A description may contain tabs; in a table they would begin a column. */
static const char *one_cell(char *text)
{
	for (char *p = text; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return text;
}

/* Appends a tab-separated line without its newline as an array of strings. */
static int add_array(struct bytes *out, const char *line, size_t len)
{
	const char *end = line + len;
	int rc = bytes_add(out, "[", 1);

	while (!rc) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		rc = json_html_text(
		    out, line, (size_t)((tab ? tab : end) - line));
		if (rc || !tab)
			break;
		rc = bytes_add(out, ",", 1);
		line = tab + 1;
	}
	return rc ? rc : bytes_add(out, "]", 1);
}

static int add_row(struct table *t, const struct bytes *line)
{
	CLEANUP_BYTES struct bytes json = {0};

	if (!t->page)
		return snapshot_add(t->writer, line->data, line->len);
	int rc = bytes_printf(&json, "%s\n", t->rows++ ? "," : "");
	if (!rc)
		rc = add_array(&json, (const char *)line->data, line->len - 1);
	return rc ? rc : snapshot_add(t->writer, json.data, json.len);
}

static int add_key(const union store_any *row, void *arg)
{
	struct table *t = arg;
	struct store_key k = row->key;
	char expires[CLOCK_TEXT], created[CLOCK_TEXT], used[CLOCK_TEXT],
	    copied[CLOCK_TEXT], modified[CLOCK_TEXT], limit[24] = "max";
	CLEANUP_BYTES struct bytes line = {0};

	note_change(t, k.expires);
	if (k.max_uses != STORE_UNLIMITED)
		snprintf(limit, sizeof(limit), "%" PRId64, k.max_uses);
	int rc = bytes_printf(&line,
	    "%s\t%s\t%s\t%s\t%s\t%" PRId64 "\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t"
	    "%" PRId64 "\t%" PRId64 "\t%s\t%s\t%u\t%s\n",
	    store_place_name(k.object.place), k.object.group_name,
	    k.object.name, store_state_name(store_key_state(&k)), limit, k.uses,
	    k.signing_cert, time_text(k.expires, expires), k.enabled,
	    k.exportable, k.object.managed,
	    moment_text(k.object.created, created),
	    moment_text(k.last_used, used), k.object.id, k.copies,
	    moment_text(k.last_copied, copied),
	    moment_text(k.object.modified, modified), k.object.modified_by,
	    one_cell(k.description));
	return rc ? rc : add_row(t, &line);
}

static int add_member(
    struct table *t, const struct store_member *m, const char *fingerprint)
{
	char not_after[CLOCK_TEXT], enrolled[CLOCK_TEXT];
	CLEANUP_BYTES struct bytes line = {0};

	if (!m->revoked)
		note_change(t, m->not_after);
	int rc = bytes_printf(&line,
	    "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%" PRId64 "\t%s\n",
	    store_place_name(m->object.place), m->object.group_name,
	    m->object.name, store_state_name(store_member_state(m)), m->serial,
	    time_text(m->not_after, not_after), m->signing_cert,
	    m->provisioning_key, moment_text(m->enrolled, enrolled), m->key,
	    fingerprint);
	return rc ? rc : add_row(t, &line);
}

static int read_member(const struct db_row *row, void *arg)
{
	struct table *t = arg;
	union store_any member;
	unsigned char hash[PKI_HASH];
	char fingerprint[2 * PKI_HASH + 1];
	size_t len;
	const void *der = db_blob(row, DB_MEMBER_COLUMNS, &len);
	int rc = pki_sha256(der, len, hash);

	if (rc)
		return rc;
	hex_text(hash, PKI_HASH, fingerprint);
	object_read(row, t->store->kinds[STORE_MEMBER], &member);
	return add_member(t, &member.member, fingerprint);
}

static int each_key(struct table *t)
{
	return store_each_all(t->store, STORE_KEY, add_key, t);
}

static int each_member(struct table *t)
{
	struct db_conn *conn = db_reader(t->store->db);

	if (!t->page)
		return db_each(conn, DB_MEMBER_ALL, NULL, read_member, t);
	return db_each(conn, DB_MEMBER_NEWEST,
	    DB_ARGS(DB_INT(STORE_PAGE_MEMBERS)), read_member, t);
}

struct table_kind {
	enum store_kind kind;
	int (*each)(struct table *t);
	const char *columns;
	const char *title; /* of a page; NULL: tab-separated */
};

#define KEY_COLUMNS                                                         \
	"kind\tgroup\tname\tstate\tmax_uses\tuses\tsigning_cert\texpires\t" \
	"enabled\texportable\tmanaged\tcreated\tlast_used\tid\tcopies\t"    \
	"last_copied\tmodified\tmodified_by\tdescription\n"
#define MEMBER_COLUMNS                                                \
	"kind\tgroup\tname\tstate\tserial\tnot_after\tsigning_cert\t" \
	"provisioning_key\tenrolled\tkey_id\tfingerprint\n"

static const struct table_kind tables[STORE_LISTS] = {
    [STORE_KEYS_TABLE] = {STORE_KEY, each_key, KEY_COLUMNS, NULL},
    [STORE_MEMBERS_TABLE] = {STORE_MEMBER, each_member, MEMBER_COLUMNS, NULL},
    [STORE_KEYS_PAGE] = {STORE_KEY, each_key, KEY_COLUMNS, "Provisioning keys"},
    [STORE_MEMBERS_PAGE] = {STORE_MEMBER, each_member, MEMBER_COLUMNS,
	"Members"},
};

/* The JSON before the rows: what the page has to know beside them. */
static int add_json_head(
    struct table *t, const struct table_kind *kind, int64_t total)
{
	CLEANUP_BYTES struct bytes json = {0};
	const char *mountpoint = t->store->mountpoint ? t->store->mountpoint
						      : "";
	const char *domain = t->store->domain;
	int rc = bytes_printf(&json, "{\"table\":\"%s\",\"domain\":",
	    kind->kind == STORE_KEY ? "keys" : "members");

	if (!rc)
		rc = json_html_text(&json, domain, strlen(domain));
	if (!rc)
		rc = bytes_printf(&json, ",\"mountpoint\":");
	if (!rc)
		rc = json_html_text(&json, mountpoint, strlen(mountpoint));
	if (!rc)
		rc = bytes_printf(
		    &json, ",\"total\":%" PRId64 ",\"columns\":", total);
	if (!rc)
		rc = add_array(&json, kind->columns, strlen(kind->columns) - 1);
	if (!rc)
		rc = bytes_printf(&json, ",\"rows\":[");
	return rc ? rc : snapshot_add(t->writer, json.data, json.len);
}

static int add_page(struct table *t, const struct table_kind *kind)
{
	struct store_counts counts;
	int rc = store_count(t->store, &counts);

	if (!rc)
		rc = page_begin(t->writer, kind->title);
	if (!rc)
		rc = add_json_head(t, kind, counts.of[kind->kind]);
	if (!rc)
		rc = kind->each(t);
	if (!rc)
		rc = snapshot_add(t->writer, "\n]}", 3);
	/* it also shows what only a mount changes: the mountpoint, and the page
	 * of this version */
	if (store_started(t->store) > t->times->made)
		t->times->made = store_started(t->store);
	return rc ? rc : page_end(t->writer);
}

static int add_text(struct table *t, const struct table_kind *kind)
{
	int rc = snapshot_add(t->writer, kind->columns, strlen(kind->columns));

	return rc ? rc : kind->each(t);
}

/* Gives the content a later second than the last one, also if it changed by
 * itself. */
static void advance_shown(
    struct store *store, enum store_list which, struct snapshot_times *times)
{
	int64_t *listed = &store->shown.listed[which];

	if (times->made / CLOCK_SECOND <= *listed)
		times->made = (*listed + 1) * CLOCK_SECOND;
	*listed = times->made / CLOCK_SECOND;
}

static int fill(struct store *store, struct snapshot_writer *writer,
    enum store_list which, int64_t id)
{
	const struct table_kind *kind = &tables[which];
	struct table t = {
	    .store = store,
	    .writer = writer,
	    .times = snapshot_times(writer),
	    .now = clock_now() / CLOCK_SECOND,
	    .page = kind->title,
	};
	struct audit_end end;
	int rc = audit_find_end(store, &end);

	(void)id;
	bytes_free(&end.text);
	t.times->basis = end.line;
	t.times->made = end.at;
	if (!rc)
		rc = t.page ? add_page(&t, kind) : add_text(&t, kind);
	if (!rc)
		advance_shown(store, which, t.times);
	return rc;
}

int list_table(struct store *store, enum store_list which, bool look,
    struct store_snapshot **out)
{
	struct audit_end end;
	int rc = audit_find_end(store, &end);

	bytes_free(&end.text);
	return rc ? rc
		  : snapshot_look(store, which, 0, end.line, look, fill, out);
}
