/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/db/db.h"
#include "store/lists/notice.h"
#include "store/objects/authority.h"
#include "store/objects/kind.h"
#include "store/objects/member.h"
#include "store/objects/order.h"
#include "store/objects/shown.h"
#include "store/pki/pki.h"
#include "store/store.h"

/* Signing certificates: columns, fields, deletion. */

static void read_cert(const struct db_row *row, union store_any *out)
{
	struct store_cert *c = &out->cert;
	struct store_object *o = &c->object;
	size_t len;

	o->parent = o->place = STORE_CERTS;
	c->pending = !db_int(row, DB_CERT_DER_LEN);
	c->outside = db_int(row, DB_CERT_OUTSIDE);
	c->issuer = db_int(row, DB_CERT_ISSUER);
	db_text(
	    row, DB_CERT_ISSUER_NAME, c->issuer_name, sizeof(c->issuer_name));
	db_text(row, DB_CERT_ALGORITHM, c->algorithm, sizeof(c->algorithm));
	db_text(row, DB_CERT_SUBJECT, c->subject, sizeof(c->subject));
	c->enabled = db_int(row, DB_CERT_ENABLED);
	c->object.managed = db_int(row, DB_CERT_MANAGED);
	c->validity_days = db_int(row, DB_CERT_VALIDITY_DAYS);
	c->ca_validity_days = db_int(row, DB_CERT_CA_VALIDITY_DAYS);
	c->crl_days = db_int(row, DB_CERT_CRL_DAYS);
	const void *serial = db_blob(row, DB_CERT_SERIAL, &len);
	if (len <= PKI_SERIAL_MAX)
		hex_text(serial, len, c->serial);
	c->not_before = db_int(row, DB_CERT_NOT_BEFORE);
	c->not_after = db_int(row, DB_CERT_NOT_AFTER);
	c->issued = db_int(row, DB_CERT_ISSUED_COUNT);
	c->revoked = db_int(row, DB_CERT_REVOKED_COUNT);
	db_text(row, DB_CERT_STOP_REASON, c->reason, sizeof(c->reason));
	c->cert_len = (size_t)db_int(row, DB_CERT_DER_LEN);
	c->csr_len = (size_t)db_int(row, DB_CERT_CSR_LEN);
	db_text(row, DB_CERT_CRL_URL, c->crl_url, sizeof(c->crl_url));
	db_text(row, DB_CERT_ISSUER_URL, c->issuer_url, sizeof(c->issuer_url));
	db_text(row, DB_CERT_CROSS_NAME, c->cross, sizeof(c->cross));
	c->cross_len = (size_t)db_int(row, DB_CERT_CROSS_LEN);
	o->changed = clock_later(o->changed, c->not_after);
}

static int in_use(struct store_call *call)
{
	return store_refuse(call, -EBUSY,
	    "a group or key names it, or a certificate it issued has not expired");
}

static int may_remove_cert(
    struct db_conn *conn, struct store_call *call, int64_t id)
{
	int rc = db_exists(conn, DB_CERT_UNUSED,
	    DB_ARGS(DB_INT(id), DB_INT(clock_now() / CLOCK_SECOND)));

	return rc < 0 ? rc : rc ? 0 : in_use(call);
}

static int remove_cert(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	const struct db_value *args = DB_ARGS(
	    DB_INT(object->object.id), DB_INT(now), DB_INT(now / CLOCK_SECOND));
	int rc = db_must_change(conn, DB_CERT_REMOVE, args, -EBUSY);

	if (rc)
		return rc == -EBUSY ? in_use(call) : rc;
	/* Its private key is destroyed: it counts as revoked by its issuer. */
	rc = db_change(conn, DB_CERT_COUNT_REVOKED, args);
	notice_revoked(conn, object->cert.issuer, 0);
	if (!rc)
		rc = shown_used(conn, STORE_CERT, object->cert.issuer, now);
	if (rc)
		return rc;
	db_scrub(conn);
	return db_change(conn, DB_CRL_DROP, DB_ARGS(DB_INT(object->object.id)));
}

/* A century: longer than any signing certificate is valid. */
enum { DAYS_MAX = 36525 };

static int resolve_days(const struct field_edit *e, int64_t *days)
{
	if (*days < 1)
		return store_refuse(e->call, -EINVAL, "at least 1 day");
	if (*days > DAYS_MAX)
		return store_refuse(
		    e->call, -ERANGE, "at most %d days", DAYS_MAX);
	return 0;
}

static int resolve_ca_days(const struct field_edit *e, int64_t *days)
{
	if (!e->object->cert.pending)
		return store_refuse(e->call, -EBUSY, "it has its certificate");
	return resolve_days(e, days);
}

static int resolve_urls(const struct field_edit *e, int64_t *number)
{
	const char *reason = NULL;
	int rc = pki_urls(e->edit->text, &reason);

	(void)number;
	return rc && reason ? store_refuse(e->call, rc, "%s", reason) : rc;
}

/* --- revocation --- */

/* Returns 0 or -errno: it can be put on no list. */
static int check_revocable(
    struct store_call *call, const struct store_cert *cert)
{
	if (cert->pending)
		return store_refuse(call, -EPERM,
		    "it has no certificate yet: delete it instead");
	if (cert->outside)
		return store_refuse(call, -EPERM,
		    "an outside CA has issued it: have that revoke it, and write 0 to enabled here");
	if (!cert->issuer)
		return store_refuse(call, -EPERM,
		    "it is self-signed, so that no list can have it: write 0 to enabled, and have machines trust another root");
	if (*cert->reason)
		return store_refuse(
		    call, -EEXIST, "it is revoked: %s", cert->reason);
	return clock_past(cert->not_after)
		   ? store_refuse(call, -EKEYEXPIRED,
			 "it has expired: there is nothing to revoke")
		   : 0;
}

/* It keeps its private key, which signs its own lists. */
static int resolve_revocation(const struct field_edit *e, int64_t *number)
{
	const struct store_cert *cert = &e->object->cert;
	int64_t id = cert->object.id, now = e->now;
	int code = member_reason(e->call, e->edit->text);
	int rc = code < 0 ? code : order_check_managed(e);

	(void)number;
	if (!rc)
		rc = check_revocable(e->call, cert);
	if (!rc)
		rc = db_change(e->conn, DB_CERT_COUNT_REVOKED,
		    DB_ARGS(
			DB_INT(id), DB_INT(now), DB_INT(now / CLOCK_SECOND)));
	if (!rc)
		rc = db_change(e->conn, DB_CERT_REVOKE,
		    DB_ARGS(DB_INT(id), DB_INT(now),
			DB_TEXT(pki_reason_name(code))));
	if (rc)
		return rc;
	notice_revoked(e->conn, cert->issuer, 0);
	return shown_used(e->conn, STORE_CERT, cert->issuer, now);
}

static int resolve_enabled(const struct field_edit *e, int64_t *number)
{
	return *number && *e->object->cert.reason
		   ? store_refuse(e->call, -EPERM,
			 "it is revoked, and stays disabled: make another one")
		   : 0;
}

/* Words in `issuer` that name no certificate. */
static const char *const not_an_issuer[] = {"none", "self", "external", NULL};

const struct object_kind store_cert_kind =
    {
	.number = STORE_CERT,
	.reserved = not_an_issuer,
	.get = DB_CERT_GET,
	.find = DB_CERT_FIND,
	.each = DB_CERT_EACH,
	.rename = DB_CERT_RENAME,
	.chown = DB_CERT_CHOWN,
	.owned = DB_CERT_OWNED,
	.read = read_cert,
	.prepare = cert_prepare,
	.make = cert_make,
	.remove = remove_cert,
	.may_remove = may_remove_cert,
	.field =
	    {
		[STORE_ENABLED] = {.name = "enabled",
		    .set = DB_CERT_SET_ENABLED,
		    .type = FIELD_BOOL,
		    .at = offsetof(union store_any, cert.enabled),
		    .resolve = resolve_enabled},
		[STORE_REVOCATION] = {.name = "revocation",
		    .set = DB_CERT_SET_NOTHING,
		    .type = FIELD_ELSEWHERE,
		    .resolve = resolve_revocation,
		    .unlocks = true},
		[STORE_VALIDITY_DAYS] = {.name = "validity_days",
		    .set = DB_CERT_SET_VALIDITY_DAYS,
		    .type = FIELD_NUMBER,
		    .at = offsetof(union store_any, cert.validity_days),
		    .resolve = resolve_days},
		[STORE_CA_VALIDITY_DAYS] = {.name = "ca_validity_days",
		    .set = DB_CERT_SET_CA_VALIDITY_DAYS,
		    .type = FIELD_NUMBER,
		    .at = offsetof(union store_any, cert.ca_validity_days),
		    .resolve = resolve_ca_days},
		[STORE_CRL_DAYS] = {.name = "crl_days",
		    .set = DB_CERT_SET_CRL_DAYS,
		    .type = FIELD_NUMBER,
		    .at = offsetof(union store_any, cert.crl_days),
		    .resolve = resolve_days},
		[STORE_CRL_URL] = {.name = "crl_url",
		    .set = DB_CERT_SET_CRL_URL,
		    .type = FIELD_TEXT,
		    .at = offsetof(union store_any, cert.crl_url),
		    .signs = true,
		    .resolve = resolve_urls},
		[STORE_ISSUER_URL] = {.name = "issuer_url",
		    .set = DB_CERT_SET_ISSUER_URL,
		    .type = FIELD_TEXT,
		    .at = offsetof(union store_any, cert.issuer_url),
		    .signs = true,
		    .resolve = resolve_urls},
		[STORE_MANAGED] = {.name = "managed",
		    .set = DB_CERT_SET_MANAGED,
		    .type = FIELD_BOOL,
		    .at = offsetof(union store_any, cert.object.managed),
		    .unlocks = true},
		[STORE_SUBJECT] = {.name = "subject",
		    .set = DB_NONE,
		    .type = FIELD_TEXT,
		    .at = offsetof(union store_any, cert.subject),
		    .edit = store_cert_edit},
		[STORE_CROSS] = {.name = "cross",
		    .set = DB_NONE,
		    .type = FIELD_CERT,
		    .at = offsetof(union store_any, cert.cross),
		    .edit = store_cert_edit},
	    },
};
