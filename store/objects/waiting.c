/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/waiting.h"

#include <errno.h>
#include <stdio.h>

#include "store/approval.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/kind.h"

/* Requests that wait for approval, as objects. enroll/approval.c makes them. */

enum { SECONDS_A_DAY = 86400 };

void pending_code(const unsigned char *hash, char code[PENDING_CODE + 1])
{
	hex_text(hash, PENDING_CODE / 2, code);
}

void pending_code_fours(
    const unsigned char *hash, char code[PENDING_CODE_FOURS + 1])
{
	char hex[PENDING_CODE + 1];

	pending_code(hash, hex);
	snprintf(code, PENDING_CODE_FOURS + 1, "%.4s %.4s %.4s %.4s", hex,
	    hex + 4, hex + 8, hex + 12);
}

int64_t pending_since(int64_t now)
{
	return now - STORE_PENDING_DAYS * (SECONDS_A_DAY * CLOCK_SECOND);
}

int64_t rejected_since(int64_t now)
{
	return now - STORE_REJECTED_DAYS * (SECONDS_A_DAY * CLOCK_SECOND);
}

static void read_pending(const struct db_row *row, union store_any *out)
{
	struct store_pending *p = &out->pending;
	struct store_object *o = &p->object;
	size_t len;

	o->parent = db_int(row, DB_PENDING_KEY);
	o->place = (int)db_int(row, DB_PENDING_PLACE);
	o->managed = db_int(row, DB_PENDING_MANAGED);
	db_text(row, DB_PENDING_KEY_NAME, o->key_name, sizeof(o->key_name));
	db_text(
	    row, DB_PENDING_GROUP_NAME, o->group_name, sizeof(o->group_name));
	db_text(row, DB_PENDING_MEMBER, p->member, sizeof(p->member));
	db_text(row, DB_PENDING_FROM, p->from, sizeof(p->from));
	const void *hash = db_blob(row, DB_PENDING_SPKI, &len);
	if (len == PKI_HASH)
		hex_text(hash, len, p->fingerprint);
}

static bool has_expired(const union store_any *object)
{
	return object->object.created <= pending_since(clock_now());
}

/* Rejects it. The row stays as long as that counts. */
static int remove_pending(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	(void)call;
	return db_must_change(conn, DB_PENDING_END,
	    DB_ARGS(DB_INT(object->object.id), DB_INT(now), DB_INT(1),
		DB_BLOB("", 0)),
	    -ESTALE);
}

const struct object_kind store_pending_kind = {
    .number = STORE_PENDING_REQUEST,
    .get = DB_PENDING_GET,
    .find = DB_PENDING_FIND,
    .each = DB_PENDING_EACH,
    .chown = DB_PENDING_CHOWN,
    .owned = DB_PENDING_OWNED,
    .by_parent = true,
    .read = read_pending,
    .remove = remove_pending,
    .removal = "reject",
    .expired = has_expired,
};

int store_pending_csr(struct store *store, int64_t request, struct bytes *out)
{
	CLEANUP_BYTES struct bytes der = {0};
	int rc = db_one(db_reader(store->db), DB_PENDING_CSR,
	    DB_ARGS(DB_INT(request)), db_read_blob, &der, -ESTALE);

	return rc ? rc : pki_pem(PKI_LABEL_REQUEST, der.data, der.len, out);
}
