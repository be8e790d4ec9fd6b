/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/anchor.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "store/backup/export.h"
#include "store/internal.h"

void anchor_init(struct anchor *anchor)
{
	*anchor = (struct anchor){0};
	memset(anchor->hash, '0', sizeof(anchor->hash) - 1);
}

int anchor_json(const struct anchor *anchor, struct bytes *out)
{
	return bytes_printf(out,
	    "\"records\":%" PRId64 ",\"line\":%" PRId64 ",\"hash\":\"%s\"",
	    anchor->records, anchor->line, anchor->hash);
}

bool anchor_parse(const struct json_t *json, struct anchor *out)
{
	const char *hash = json_string_value(json_object_get(json, "hash"));

	anchor_init(out);
	if (!json)
		return true;
	out->records = json_integer_value(json_object_get(json, "records"));
	out->line = json_integer_value(json_object_get(json, "line"));
	if (!hash || strlen(hash) != sizeof(out->hash) - 1)
		return false;
	memcpy(out->hash, hash, sizeof(out->hash));
	return out->records > 0 && out->records % EXPORT_SEGMENT == 0 &&
	       out->line >= 0;
}

/* The setting, up to its MAC. */
static int compose(
    const struct store *store, const struct anchor *anchor, struct bytes *out)
{
	int rc = bytes_printf(out, "{\"store\":\"%s\",\"anchor\":{", store->id);

	if (!rc)
		rc = anchor_json(anchor, out);
	if (!rc)
		rc = bytes_add(out, "}", 1);
	return rc ? rc : export_seal(store, out);
}

int anchor_write(struct db_conn *conn, const struct store *store,
    const struct anchor *anchor)
{
	CLEANUP_BYTES struct bytes text = {0};
	int rc = compose(store, anchor, &text);

	return rc ? rc
		  : db_change(conn, DB_SETTING_SET,
			DB_ARGS(
			    DB_TEXT("anchor"), DB_BLOB(text.data, text.len)));
}

static int read_text(const struct bytes *text, struct anchor *out)
{
	json_t *json = json_loadb((const char *)text->data, text->len, 0, NULL);
	const json_t *anchor = json_object_get(json, "anchor");
	bool right = anchor && anchor_parse(anchor, out);

	json_decref(json);
	return right ? 0 : -EBADMSG;
}

/* What is there has to be what would be written. */
int anchor_read(
    struct db_conn *conn, const struct store *store, struct anchor *out)
{
	CLEANUP_BYTES struct bytes text = {0}, want = {0};
	int rc = db_one(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("anchor")),
	    db_read_blob, &text, -ENOENT);

	anchor_init(out);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = read_text(&text, out);
	if (!rc)
		rc = compose(store, out, &want);
	if (rc)
		return rc;
	return text.len == want.len &&
		       memcmp(text.data, want.data, want.len) == 0
		   ? 0
		   : -EBADMSG;
}
