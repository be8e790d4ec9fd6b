/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/lists/metrics.h"
#include "store/objects/limit.h"
#include "store/objects/object.h"
#include "store/objects/order.h"
#include "store/objects/secret.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/* Provisioning keys: their secret, their fields, copying. */

static int64_t moment(const struct db_row *row, int column)
{
	int64_t at = db_int(row, column);

	return at ? at : STORE_NEVER;
}

static void read_key(const struct db_row *row, union store_any *out)
{
	struct store_key *k = &out->key;
	struct store_object *o = &k->object;

	o->parent = db_int(row, DB_KEY_GROUP);
	o->place = (int)db_int(row, DB_KEY_PLACE);
	db_text(row, DB_KEY_GROUP_NAME, o->group_name, sizeof(o->group_name));
	db_text(row, DB_KEY_DESCRIPTION, k->description, sizeof(k->description));
	k->enabled = db_int(row, DB_KEY_ENABLED);
	k->approval = db_int(row, DB_KEY_APPROVAL);
	k->group_enabled = db_int(row, DB_KEY_GROUP_ENABLED);
	k->exportable = db_int(row, DB_KEY_EXPORTABLE);
	k->object.managed = db_int(row, DB_KEY_MANAGED);
	db_text(row, DB_KEY_CERT_NAME, k->signing_cert, sizeof(k->signing_cert));
	k->max_uses = db_is_null(row, DB_KEY_MAX_USES)
			  ? STORE_UNLIMITED
			  : db_int(row, DB_KEY_MAX_USES);
	k->uses = db_int(row, DB_KEY_USES);
	k->expires = db_is_null(row, DB_KEY_EXPIRES)
			 ? STORE_NEVER
			 : db_int(row, DB_KEY_EXPIRES);
	k->copies = db_int(row, DB_KEY_COPIES);
	k->last_copied = moment(row, DB_KEY_LAST_COPIED);
	k->last_used = moment(row, DB_KEY_LAST_USED);
	db_text(
	    row, DB_KEY_STOP_REASON, k->order.reason, sizeof(k->order.reason));
	k->order.unfinished = db_int(row, DB_KEY_STOP_LAST) > 0;
	/* Expiry changes the state without a write. */
	o->changed = clock_later(o->changed, k->expires);
}

static int make_key(struct db_conn *conn, const struct store_make *make)
{
	CLEANUP_BYTES struct bytes box = {0};
	unsigned char hash[PKI_HASH];
	union store_any group;
	int rc = object_get(conn, STORE_GROUP, make->parent, &group);

	if (!rc)
		rc = secret_make(make->store, make->id, hash, &box);
	return rc ? rc
		  : db_must_change(conn, DB_KEY_ADD,
			DB_ARGS(DB_INT(make->id), DB_INT(make->parent),
			    DB_TEXT(make->name), DB_INT(make->call->uid),
			    DB_INT(make->gid), DB_INT(make->mode),
			    DB_INT(make->now), DB_BLOB(hash, sizeof(hash)),
			    DB_BLOB(box.data, box.len)),
			-EEXIST);
}

static int remove_key(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	CLEANUP_BYTES struct bytes former = {0};
	int64_t id = object->object.id;
	int rc = order_check_remove(call, object);

	if (!rc)
		rc = secret_former(conn, id, now, &former);
	if (!rc)
		rc = db_change(conn, DB_KEY_REMOVE,
		    DB_ARGS(DB_INT(id), DB_INT(now),
			DB_BLOB(former.data, former.len)));
	if (!rc)
		rc = db_change(conn, DB_PENDING_DROP, DB_ARGS(DB_INT(id)));
	if (!rc)
		rc = db_change(conn, DB_PENDING_DROP_FILES, NULL);
	if (!rc)
		db_scrub(conn);
	return rc;
}

/* There is one writer: the limit read here is the one that is replaced. */
static int resolve_limit(const struct field_edit *e, int64_t *limit)
{
	const struct store_key *key = &e->object->key;

	if (!e->edit->relative)
		return 0;
	if (key->max_uses == STORE_UNLIMITED)
		return store_refuse(e->call, -EINVAL,
		    "the limit is max: there is nothing to add to");
	if (__builtin_add_overflow(key->max_uses, e->edit->number, limit))
		return store_refuse(
		    e->call, -ERANGE, "the limit would be too large");
	if (*limit < 0)
		return store_refuse(
		    e->call, -ERANGE, "the limit would be below 0");
	return 0;
}

static int resolve_exportable(const struct field_edit *e, int64_t *number)
{
	const struct store_key *key = &e->object->key;

	if (*number && !key->exportable)
		return store_refuse(e->call, -EPERM,
		    "the secret's readable copy has been destroyed");
	if (!*number && key->exportable)
		db_scrub(e->conn);
	return 0;
}

const struct object_kind store_key_kind = {
    .number = STORE_KEY,
    .get = DB_KEY_GET,
    .find = DB_KEY_FIND,
    .each = DB_KEY_EACH,
    .all = DB_KEY_ALL,
    .rename = DB_KEY_RENAME,
    .chown = DB_KEY_CHOWN,
    .owned = DB_KEY_OWNED,
    .by_parent = true,
    .read = read_key,
    .make = make_key,
    .remove = remove_key,
    .may_remove = order_may_remove_key,
    .field =
	{
	    [STORE_DESCRIPTION] = {.name = "description",
		.set = DB_KEY_SET_DESCRIPTION,
		.type = FIELD_TEXT,
		.at = offsetof(union store_any, key.description)},
	    [STORE_ENABLED] = {.name = "enabled",
		.set = DB_KEY_SET_ENABLED,
		.type = FIELD_BOOL,
		.at = offsetof(union store_any, key.enabled),
		.resolve = order_resolve_enabled},
	    [STORE_REVOCATION] = {.name = "revocation",
		.set = DB_KEY_SET_NOTHING,
		.type = FIELD_ELSEWHERE,
		.resolve = order_resolve,
		.unlocks = true},
	    [STORE_APPROVAL] = {.name = "approval",
		.set = DB_KEY_SET_APPROVAL,
		.type = FIELD_BOOL,
		.at = offsetof(union store_any, key.approval)},
	    [STORE_SIGNING_CERT] = {.name = "signing_cert",
		.set = DB_KEY_SET_SIGNING_CERT,
		.type = FIELD_CERT,
		.at = offsetof(union store_any, key.signing_cert),
		.resolve = signer_resolve},
	    [STORE_MAX_USES] = {.name = "max_uses",
		.set = DB_KEY_SET_MAX_USES,
		.type = FIELD_NUMBER,
		.at = offsetof(union store_any, key.max_uses),
		.none = STORE_UNLIMITED,
		.none_word = "max",
		.resolve = resolve_limit},
	    [STORE_EXPIRES] = {.name = "expires",
		.set = DB_KEY_SET_EXPIRES,
		.type = FIELD_TIME,
		.at = offsetof(union store_any, key.expires),
		.none = STORE_NEVER,
		.none_word = "never"},
	    [STORE_EXPORTABLE] = {.name = "exportable",
		.set = DB_KEY_SET_EXPORTABLE,
		.type = FIELD_BOOL,
		.resolve = resolve_exportable},
	    [STORE_MANAGED] = {.name = "managed",
		.set = DB_KEY_SET_MANAGED,
		.type = FIELD_BOOL,
		.at = offsetof(union store_any, key.object.managed),
		.unlocks = true},
	    LIMIT_FIELDS(KEY),
	},
};

/* --- copying --- */

static int refuse_copy(struct store_call *call, const struct store_key *key)
{
	if (!key->exportable)
		return store_refuse(call, -ENOENT, "the key is not exportable");
	switch (store_key_state(key)) {
	case STORE_DISABLED:
		return store_refuse(call, -EKEYREVOKED, "the key%s is disabled",
		    key->enabled ? "'s group" : "");
	case STORE_EXPIRED:
		return store_refuse(call, -EKEYEXPIRED, "the key has expired");
	case STORE_EXHAUSTED:
		return store_refuse(call, -EDQUOT,
		    "the key is used up: %" PRId64 " of %" PRId64
		    " uses; raise max_uses",
		    key->uses, key->max_uses);
	default:
		return 0;
	}
}

struct sealed {
	struct bytes secret;
	int64_t cert;
};

static int read_sealed(const struct db_row *row, void *arg)
{
	struct sealed *s = arg;
	size_t len;
	const void *blob = db_blob(row, 0, &len);

	s->cert = db_int(row, 1);
	return blob ? bytes_add(&s->secret, blob, len) : 0;
}

/* Renders the text as of now. *cert is the signing certificate whose root is in
 * it. Returns 0, -EAGAIN (the secret was destroyed meanwhile) or -errno. */
static int compose(
    struct store *store, int64_t key, int64_t *cert, struct bytes *out)
{
	struct db_conn *conn = db_reader(store->db);
	CLEANUP_BYTES struct bytes secret = {0};
	CLEANUP_SIGNER struct signer *signer = NULL;
	struct sealed sealed = {0};
	struct pki_key_text text = {.id = key};
	int rc = db_each(
	    conn, DB_KEY_SECRET, DB_ARGS(DB_INT(key)), read_sealed, &sealed);

	if (!rc)
		rc = sealed.secret.len
			 ? pki_unseal(store->sealer, "key", key,
			       sealed.secret.data, sealed.secret.len, &secret)
			 : -EAGAIN;
	bytes_free(&sealed.secret);
	if (!rc && secret.len != PKI_SECRET)
		rc = -EIO;
	if (!rc)
		rc = signer_get(store, sealed.cert, &signer);
	if (rc)
		return rc;
	*cert = sealed.cert;
	memcpy(text.domain, store->domain, sizeof(text.domain));
	memcpy(text.secret, secret.data, PKI_SECRET);
	memcpy(text.root, signer->root, PKI_HASH);
	rc = pki_key_text_format(&text, out);
	explicit_bzero(&text, sizeof(text));
	return rc;
}

struct copy {
	struct store_call *call;
	const struct store_key *key;
	int64_t cert;
};

/* Counts the copy if it is still permitted and the signing certificate is the
 * same. */
static int count_copy(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct copy *c = arg;

	return db_must_change(conn, DB_KEY_COPY,
	    DB_ARGS(DB_INT(c->key->object.id), DB_INT(batch->now),
		DB_INT(batch->now / CLOCK_SECOND), DB_INT(c->cert)),
	    -EAGAIN);
}

static int record_copy(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct copy *c = arg;
	char path[STORE_PATH];
	int rc = shown_used(conn, STORE_KEY, c->key->object.id, batch->now);

	if (rc)
		return rc;
	store_path(&c->key->object, path);
	return audit_add(conn, c->call, batch->now,
	    &(struct audit){.action = "copy", .object = path});
}

static const struct db_job copy_job = {count_copy, record_copy};

int store_key_copy(struct store *store, struct store_call *call, int64_t key,
    struct bytes *out)
{
	union store_any now;
	int rc = -EAGAIN;

	if (store->read_only)
		return store_refuse(call, -EROFS,
		    "mounted read-only: a copy could not be recorded");
	for (int round = 0; round < 8 && rc == -EAGAIN; round++) {
		CLEANUP_BYTES struct bytes text = {0};
		struct copy copy = {call, &now.key, 0};
		rc = store_get(store, STORE_KEY, key, &now);
		if (!rc)
			rc = refuse_copy(call, &now.key);
		if (!rc)
			rc = compose(store, key, &copy.cert, &text);
		if (!rc)
			rc = store_submit(store, call, &copy_job, &copy);
		if (!rc) {
			bytes_swap(out, &text);
			metrics_event(store, METRICS_COPIED);
		}
	}
	return rc == -EAGAIN ? store_refuse(call, -EIO, "the key kept changing")
			     : rc;
}

size_t store_key_text_len(const struct store *store)
{
	return pki_key_text_len(strlen(store->domain));
}
