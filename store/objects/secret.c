/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/secret.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/revocation.h"

int secret_make(struct store *store, int64_t id, unsigned char hash[PKI_HASH],
    struct bytes *sealed)
{
	unsigned char secret[PKI_SECRET];
	int rc = pki_random(secret, sizeof(secret));

	if (!rc)
		rc = pki_sha256(secret, sizeof(secret), hash);
	if (!rc)
		rc = pki_seal(
		    store->sealer, "key", id, secret, sizeof(secret), sealed);
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

/* --- former secrets --- */

struct hashes {
	unsigned char present[PKI_HASH];
	struct bytes *former;
};

/* The oldest are forgotten. */
static int read_hashes(const struct db_row *row, void *arg)
{
	struct hashes *h = arg;
	size_t len, most = (SECRET_FORMER - 1) * (size_t)SECRET_ENTRY;
	const void *hash = db_blob(row, 0, &len);

	if (len != PKI_HASH)
		return -EIO;
	memcpy(h->present, hash, PKI_HASH);
	const unsigned char *former = db_blob(row, 1, &len);
	if (!former)
		return 1;
	size_t from = len > most ? len - most : 0;
	int rc = bytes_add(h->former, former + from, len - from);
	return rc ? rc : 1;
}

int secret_former(
    struct db_conn *conn, int64_t id, int64_t now, struct bytes *out)
{
	struct hashes h = {.former = out};
	uint64_t at = htobe64((uint64_t)now);
	int rc = db_one(
	    conn, DB_KEY_HASHES, DB_ARGS(DB_INT(id)), read_hashes, &h, -ESTALE);

	if (!rc)
		rc = bytes_add(out, h.present, PKI_HASH);
	return rc ? rc : bytes_add(out, &at, sizeof(at));
}

/* --- replacing --- */

struct replacing {
	struct store *store;
	struct store_call *call;
	int64_t id;
	const struct store_replace *how;
};

static int note(struct db_conn *conn, const struct replacing *r,
    const struct store_object *key, int64_t now)
{
	char object[STORE_PATH], path[STORE_PATH + 16], at[CLOCK_TEXT] = "",
							value[CLOCK_TEXT + 32];

	store_path(key, object);
	snprintf(path, sizeof(path), "%s/secret", object);
	if (r->how->until)
		clock_text(r->how->until, at);
	snprintf(value, sizeof(value), "new%s%s",
	    *at ? ", the one before until " : "", at);
	return audit_add(conn, r->call, now,
	    &(struct audit){.action = "set",
		.object = path,
		.name = "value",
		.value = value});
}

static int store_secret(
    struct db_conn *conn, const struct replacing *r, int64_t now)
{
	CLEANUP_BYTES struct bytes sealed = {0}, former = {0};
	unsigned char hash[PKI_HASH];
	int64_t bit = (int64_t)r->how->bit;
	int rc = secret_make(r->store, r->id, hash, &sealed);

	if (!rc)
		rc = secret_former(conn, r->id, now, &former);
	if (!rc)
		rc = db_change(conn, DB_KEY_SET_SECRET,
		    DB_ARGS(DB_INT(r->id), DB_INT(bit),
			DB_INT(r->how->bare ? bit : 0), DB_INT(now),
			DB_INT(r->call->uid), DB_BLOB(hash, PKI_HASH),
			DB_BLOB(sealed.data, sealed.len), DB_INT(r->how->until),
			DB_BLOB(former.data, former.len)));
	if (!rc)
		db_scrub(conn);
	return rc;
}

static int replace(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct replacing *r = arg;
	union store_any key;
	int rc = object_get_writable(conn, r->call, STORE_KEY, r->id, &key);

	if (!rc && !key.key.exportable)
		rc = store_refuse(r->call, -EPERM,
		    "it is not exportable, so that nobody could copy another secret; make another key");
	if (!rc)
		rc = shown_edited(conn, &key.object, false, batch->now);
	if (!rc)
		rc = store_secret(conn, r, batch->now);
	return rc ? rc : note(conn, r, &key.object, batch->now);
}

static const struct db_job replace_job = {.record = replace};

int store_key_replace(struct store *store, struct store_call *call,
    const struct store_object *key, const struct store_replace *how)
{
	struct replacing r = {store, call, key->id, how};

	return store_submit(store, call, &replace_job, &r);
}

/* --- whose text --- */

struct whose {
	unsigned char hash[PKI_HASH];
	char path[STORE_PATH];
	bool found, deleted;
	int64_t at; /* when it was replaced, or deleted; 0: it is the present */
};

/* When the secret went, if it is a former one; 0: it is not. */
static int64_t find_former(
    const struct whose *w, const unsigned char *former, size_t len)
{
	uint64_t at, found = 0;

	for (size_t i = 0; i + SECRET_ENTRY <= len; i += SECRET_ENTRY) {
		memcpy(&at, former + i + PKI_HASH, sizeof(at));
		if (pki_equal(w->hash, former + i, PKI_HASH))
			found = be64toh(at);
	}
	return (int64_t)found;
}

static int read_whose(const struct db_row *row, void *arg)
{
	struct whose *w = arg;
	size_t len;
	const void *hash = db_blob(row, 0, &len);

	db_text(row, 2, w->path, sizeof(w->path));
	w->found = len == PKI_HASH && pki_equal(w->hash, hash, PKI_HASH);
	if (w->found)
		return 1;
	const unsigned char *former = db_blob(row, 1, &len);
	w->at = former ? find_former(w, former, len) : 0;
	w->found = w->at > 0;
	w->deleted = !db_is_null(row, 3);
	if (w->found && w->deleted)
		w->at = db_int(row, 3);
	return 1;
}

static int say_whose(const struct whose *w, struct bytes *reply)
{
	char at[CLOCK_TEXT];

	if (!w->at)
		return bytes_printf(reply, "%s\n", w->path);
	clock_text(w->at / CLOCK_SECOND, at);
	return bytes_printf(reply, "%s %s %s\n", w->path,
	    w->deleted ? "deleted" : "replaced", at);
}

static int find_whose(struct store *store, struct store_call *call,
    const struct pki_key_text *text, struct bytes *reply)
{
	struct whose w = {0};
	int rc = pki_sha256(text->secret, PKI_SECRET, w.hash);

	if (!rc)
		rc = db_each(db_reader(store->db), DB_KEY_WHOSE,
		    DB_ARGS(DB_INT(text->id)), read_whose, &w);
	if (rc)
		return rc;
	if (!w.found || strcmp(text->domain, store->domain) != 0)
		return store_refuse(call, -EKEYREJECTED,
		    "this provisioning key is not known here");
	return say_whose(&w, reply);
}

int store_whois(struct store *store, struct store_call *call, const void *data,
    size_t len, struct bytes *reply)
{
	struct pki_key_text text;
	const char *reason;
	size_t end;
	int rc = pki_key_text_find(data, len, &text, &end, &reason);

	if (rc < 0)
		return store_refuse(call, rc, "%s", reason);
	if (!rc)
		return 1;
	rc = all_space((const char *)data + end, len - end)
		 ? find_whose(store, call, &text, reply)
		 : store_refuse(call, -EBADMSG,
		       "there is something behind the provisioning key");
	explicit_bzero(&text, sizeof(text));
	return rc;
}
