/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log.h"

#include <string.h>

#include "store/audit.h"
#include "store/backup/line.h"
#include "store/internal.h"

int store_log_stat(struct store *store, size_t *len, int64_t *changed)
{
	struct audit_end end;
	int rc = audit_find_end(store, &end);

	bytes_free(&end.text);
	*len = (size_t)end.ends;
	*changed = end.at;
	return rc;
}

int64_t store_log_begins(const struct store *store)
{
	return store->anchor.line;
}

int store_log_head(struct store *store, struct bytes *out)
{
	unsigned char hash[PKI_HASH] = {0};
	char text[2 * PKI_HASH + 1];
	struct audit_end end;
	int rc = audit_find_end(store, &end);

	if (!rc && end.text.len)
		rc = pki_sha256(end.text.data, end.text.len, hash);
	bytes_free(&end.text);
	hex_text(hash, PKI_HASH, text);
	return rc ? rc : bytes_add(out, text, strlen(text));
}

/* --- rendering --- */

struct reading {
	int64_t offset;
	size_t left;
	struct bytes *out;
};

static int read_line(const struct db_row *row, void *arg)
{
	struct reading *r = arg;
	CLEANUP_BYTES struct bytes line = {0};
	int rc = line_of_event(row, &line);

	if (!rc)
		rc = bytes_add(&line, "\n", 1);
	if (rc)
		return rc;
	int64_t from = db_int(row, DB_EVENT_LINE_ENDS) - (int64_t)line.len;
	size_t before = r->out->len;
	rc = bytes_add_part(r->out, &line,
	    r->offset > from ? (size_t)(r->offset - from) : 0, r->left);
	r->left -= r->out->len - before;
	return rc ? rc : r->left == 0;
}

static int render(int64_t offset, size_t size, struct bytes *out, void *arg)
{
	const struct store *store = arg;
	struct reading r = {offset, size, out};

	return db_each(db_reader(store->db), DB_EVENT_LINES,
	    DB_ARGS(DB_INT(offset)), read_line, &r);
}

int store_log_read(
    struct store *store, int64_t offset, size_t size, struct bytes *out)
{
	return text_cache_read(
	    &store->log_text, offset, size, render, store, out);
}
