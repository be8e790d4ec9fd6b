/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/member.h"

#include <errno.h>
#include <string.h>

#include "store/backup/journal.h"
#include "store/base/clock.h"
#include "store/db/columns.h"
#include "store/db/db.h"
#include "store/enroll/allowed.h"
#include "store/lists/notice.h"
#include "store/objects/kind.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/pki/pki.h"
#include "store/store.h"

/* Members: columns, fields, revocation, deletion. enroll.c makes them. */

static void read_member(const struct db_row *row, union store_any *out)
{
	struct store_member *m = &out->member;
	struct store_object *o = &m->object;
	size_t len;

	o->parent = db_int(row, DB_MEMBER_GROUP);
	o->place = (int)db_int(row, DB_MEMBER_PLACE);
	db_text(row, DB_MEMBER_GROUP_NAME, o->group_name, sizeof(o->group_name));
	db_text(
	    row, DB_MEMBER_DESCRIPTION, m->description, sizeof(m->description));
	m->key = db_int(row, DB_MEMBER_KEY);
	db_text(row, DB_MEMBER_KEY_NAME, m->provisioning_key,
	    sizeof(m->provisioning_key));
	db_text(
	    row, DB_MEMBER_CERT_NAME, m->signing_cert, sizeof(m->signing_cert));
	const void *serial = db_blob(row, DB_MEMBER_SERIAL, &len);
	if (len == PKI_SERIAL)
		hex_text(serial, len, m->serial);
	m->enrolled = db_int(row, DB_MEMBER_ENROLLED);
	m->enrolled_by = (uid_t)db_int(row, DB_MEMBER_ENROLLED_BY);
	m->issued = db_int(row, DB_MEMBER_ISSUED);
	m->issuer = db_int(row, DB_MEMBER_CERT);
	m->not_before = db_int(row, DB_MEMBER_NOT_BEFORE);
	m->not_after = db_int(row, DB_MEMBER_NOT_AFTER);
	m->revoked = !db_is_null(row, DB_MEMBER_REVOKED);
	db_text(row, DB_MEMBER_REASON, m->reason, sizeof(m->reason));
	m->cert_len = (size_t)db_int(row, DB_MEMBER_DER_LEN);
	m->csr_len = (size_t)db_int(row, DB_MEMBER_CSR_LEN);
	o->changed = clock_later(o->changed, m->not_after);
}

struct use {
	struct db_conn *conn;
	int64_t now;
};

static int issuer_used(const struct db_row *row, void *arg)
{
	const struct use *use = arg;

	return shown_used(use->conn, STORE_CERT, db_int(row, 0), use->now);
}

/* A certificate to revoke. */
struct revoked {
	int64_t id, issuer;
};

static int add_revoked(const struct db_row *row, void *arg)
{
	struct revoked revoked = {db_int(row, 0), db_int(row, 1)};

	return bytes_add(arg, &revoked, sizeof(revoked));
}

/* The public key of a compromised one never enrolls again, also when the
 * certificate is not there any more. */
static int note_all(struct db_conn *conn, const struct bytes *revoked,
    const char *reason, int64_t now)
{
	bool compromised = strcmp(reason, "keyCompromise") == 0;
	const struct revoked *r = (const struct revoked *)revoked->data;
	int rc = 0;

	for (size_t i = 0; i < revoked->len / sizeof(*r) && !rc; i++) {
		notice_revoked(conn, r[i].issuer, r[i].id);
		rc = journal_note(conn, DB_REVOKED, r[i].id, now);
		if (!rc && compromised)
			rc = db_change(
			    conn, DB_COMPROMISED_ADD, DB_ARGS(DB_INT(r[i].id)));
	}
	return rc;
}

int member_revoke(struct db_conn *conn, int64_t member, int keep,
    const char *reason, int64_t now)
{
	CLEANUP_BYTES struct bytes revoked = {0};
	struct db_value id = DB_INT(member), at = DB_INT(now),
			seconds = DB_INT(now / CLOCK_SECOND),
			left = DB_INT(keep);
	int rc = db_each(conn, DB_MEMBER_VALID, DB_ARGS(id, seconds, left),
	    add_revoked, &revoked);

	if (rc || !revoked.len)
		return rc;
	rc = db_change(
	    conn, DB_MEMBER_COUNT_REVOKED, DB_ARGS(id, seconds, left, at));
	if (!rc)
		rc = shown_used(conn, STORE_MEMBER, member, now);
	if (!rc)
		rc = db_each(conn, DB_MEMBER_ISSUERS, DB_ARGS(id), issuer_used,
		    &(struct use){conn, now});
	if (!rc)
		rc = db_change(conn, DB_MEMBER_REVOKE,
		    DB_ARGS(id, seconds, left, at, DB_TEXT(reason)));
	if (!rc)
		rc = note_all(conn, &revoked, reason, now);
	return rc ? rc : (int)(revoked.len / sizeof(struct revoked));
}

int member_reason(struct store_call *call, const char *text)
{
	int code = pki_reason_code(text);

	return code >= 0
		   ? code
		   : store_refuse(call, -EINVAL,
			 "not one of unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn aACompromise");
}

static int set_revocation(struct db_conn *conn, struct store_call *call,
    const struct store_member *member, const char *reason, int64_t now)
{
	int code = member_reason(call, reason);

	if (code < 0)
		return code;
	if (member->revoked)
		return store_refuse(
		    call, -EEXIST, "it is revoked: %s", member->reason);
	int rc = member_revoke(
	    conn, member->object.id, 0, pki_reason_name(code), now);
	if (rc == 0)
		return store_refuse(call, -EKEYEXPIRED,
		    "its certificates have expired: there is nothing to revoke");
	return rc < 0 ? rc : 0;
}

static int remove_member(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	int64_t id = object->object.id;

	(void)call;
	/* Revoke first (RFC 5280 5.3.1): a copy of the export may end between
	 * the two records. */
	int rc = member_revoke(conn, id, 0, "cessationOfOperation", now);
	return rc < 0 ? rc
		      : db_change(conn, DB_MEMBER_REMOVE,
			    DB_ARGS(DB_INT(id), DB_INT(now)));
}

/* Names of members, of its group and key. */
struct name_limits {
	struct bytes group, key;
};

static int read_limits(const struct db_row *row, void *arg)
{
	struct name_limits *limits = arg;
	size_t len;
	const void *text = db_blob(row, 0, &len);
	int rc = bytes_add(&limits->group, text, len);

	text = db_blob(row, 1, &len);
	if (!rc)
		rc = bytes_add(&limits->key, text, len);
	if (!rc)
		rc = bytes_add(&limits->group, "", 1);
	return rc ? rc : bytes_add(&limits->key, "", 1);
}

/* The owner of the mount's root may give any name. */
static int may_rename(struct db_conn *conn, struct store_call *call,
    const union store_any *object, const char *name)
{
	struct name_limits limits = {0};
	union store_any root;
	char why[ALLOWED_WHY];
	int rc = object_get(conn, STORE_PLACE, STORE_ROOT, &root);

	if (rc || call->uid == 0 || call->uid == root.object.uid)
		return rc;
	rc = db_each(conn, DB_MEMBER_LIMITS, DB_ARGS(DB_INT(object->object.id)),
	    read_limits, &limits);
	const struct allowed_lists lists = {
	    (const char *)limits.group.data, (const char *)limits.key.data};
	if (!rc && !allowed_member(&lists, name, why))
		rc = store_refuse(call, -EPERM, "%s", why);
	bytes_free(&limits.group);
	bytes_free(&limits.key);
	return rc;
}

/* The revocation is all that this field stores. */
static int resolve_revocation(const struct field_edit *e, int64_t *number)
{
	(void)number;
	return set_revocation(
	    e->conn, e->call, &e->object->member, e->edit->text, e->now);
}

const struct object_kind store_member_kind = {
    .number = STORE_MEMBER,
    .get = DB_MEMBER_GET,
    .find = DB_MEMBER_FIND,
    .each = DB_MEMBER_EACH,
    .all = DB_MEMBER_ALL,
    .rename = DB_MEMBER_RENAME,
    .may_rename = may_rename,
    .chown = DB_MEMBER_CHOWN,
    .owned = DB_MEMBER_OWNED,
    .by_parent = true,
    .brief = true,
    .read = read_member,
    .remove = remove_member,
    .field =
	{
	    [STORE_DESCRIPTION] = {.name = "description",
		.set = DB_MEMBER_SET_DESCRIPTION,
		.type = FIELD_TEXT,
		.at = offsetof(union store_any, member.description)},
	    [STORE_REVOCATION] = {.name = "revocation",
		.set = DB_MEMBER_SET_NOTHING,
		.type = FIELD_ELSEWHERE,
		.resolve = resolve_revocation},
	},
};
