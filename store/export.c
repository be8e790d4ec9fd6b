/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"

/*
 * What a backup copies of a group, a key, a certificate or the store: one JSON object, secrets as
 * they are sealed, with the store's id, its own path and a MAC over all of it. rsync(1) compares
 * sizes and seconds, so both are made to tell: the moment only grows, and changes within one second
 * differ in `pad`, a number below 1,024 that is added to a size rounded up to 1,024.
 */

enum { ROUND = 1024 };

struct view {
	struct bytes json; /* the object with its braces */
	int64_t stamp, pad;
};

static int read_view(const struct db_row *row, void *arg)
{
	struct view *v = arg;
	size_t len;
	const void *json = db_blob(row, 0, &len);

	v->stamp = db_int(row, 1);
	v->pad = db_int(row, 2);
	return bytes_add(&v->json, json, len);
}

/* Where its file stands below export/. */
static int add_path(const union store_any *object, struct bytes *out)
{
	char path[STORE_PATH];

	store_path(&object->object, path);
	if (object->object.kind == STORE_PLACE)
		return bytes_printf(out, "store.json");
	return bytes_printf(
		out, "%s%s.json", path, object->object.kind == STORE_GROUP ? "/group" : "");
}

static int compose(
	struct store *store, const union store_any *object, const struct view *v, struct bytes *out)
{
	unsigned char mac[PKI_HASH];
	char text[2 * PKI_HASH + 1];
	int rc = bytes_printf(out, "{\"format\":1,\"store\":\"%s\",\"path\":\"", store->id);

	if (!rc)
		rc = add_path(object, out);
	if (!rc)
		rc = bytes_printf(out, "\",%.*s", (int)v->json.len - 2, (char *)v->json.data + 1);
	if (!rc)
		rc = pki_mac(store->sealer, out->data, out->len, mac);
	if (rc)
		return rc;
	hex_text(mac, PKI_HASH, text);
	rc = bytes_printf(out, ",\"mac\":\"%s\"}", text);
	size_t size = (out->len + ROUND) / ROUND * ROUND + (size_t)v->pad;
	return rc ? rc : bytes_printf(out, "%*s\n", (int)(size - out->len - 1), "");
}

int store_export(
	struct store *store, const union store_any *object, struct bytes *out, int64_t *changed)
{
	static const enum db_query query[STORE_KINDS] = {
		[STORE_PLACE] = DB_EXPORT_STORE,
		[STORE_CERT] = DB_EXPORT_CERT,
		[STORE_GROUP] = DB_EXPORT_GROUP,
		[STORE_KEY] = DB_EXPORT_KEY,
	};
	struct db_conn *conn = db_reader(store->db);
	struct view v = {0};
	bool one = object->object.kind != STORE_PLACE;
	int rc = conn ? db_each(conn, query[object->object.kind],
				one ? DB_ARGS(DB_INT(object->object.id)) : NULL, read_view, &v)
		      : -EIO;

	if (rc == 0)
		rc = -ESTALE;
	if (rc > 0)
		rc = compose(store, object, &v, out);
	*changed = v.stamp * CLOCK_SECOND;
	bytes_free(&v.json);
	return rc;
}

gid_t store_export_group(const struct store *store)
{
	return store->export_gid;
}
