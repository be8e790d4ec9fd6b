/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"

/* Signing certificates, and the documents of everything that has a
 * certificate. */

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
	c->cert_len = (size_t)db_int(row, DB_CERT_DER_LEN);
	c->csr_len = (size_t)db_int(row, DB_CERT_CSR_LEN);
	o->changed = clock_later(o->changed, c->not_after);
}

int cert_issued(struct db_conn *conn, int64_t cert, int64_t now)
{
	int rc = db_run(
	    conn, DB_CERT_ISSUED, DB_ARGS(DB_INT(cert), DB_INT(now)));

	return rc < 0 ? rc : shown_used(conn, STORE_CERT, cert, now);
}

static int in_use(struct store_call *call)
{
	return store_refuse(call, -EBUSY,
	    "a group or key names it, or a certificate it issued has not expired");
}

static int may_remove_cert(
    struct db_conn *conn, struct store_call *call, int64_t id)
{
	int64_t one;
	int rc = db_each(conn, DB_CERT_UNUSED,
	    DB_ARGS(DB_INT(id), DB_NIL, DB_INT(clock_now() / CLOCK_SECOND)),
	    read_first_int, &one);

	return rc < 0 ? rc : rc == 0 ? in_use(call) : 0;
}

static int remove_cert(struct db_conn *conn, struct store_call *call,
    const union store_any *object, int64_t now)
{
	const struct db_value *args = DB_ARGS(
	    DB_INT(object->object.id), DB_INT(now), DB_INT(now / CLOCK_SECOND));
	int rc = db_run(conn, DB_CERT_REMOVE, args);

	if (rc == 0)
		return in_use(call);
	if (rc >
	    0) /* its private key is gone: nobody shall trust it any more */
		rc = db_run(conn, DB_CERT_COUNT_REVOKED, args);
	if (rc >= 0)
		rc = shown_used(conn, STORE_CERT, object->cert.issuer, now);
	if (rc >= 0)
		db_scrub(conn);
	if (rc >= 0)
		rc = db_run(
		    conn, DB_CRL_DROP, DB_ARGS(DB_INT(object->object.id)));
	return rc < 0 ? rc : 0;
}

static bool cert_value(const union store_any *object, enum store_field field,
    struct store_before *out)
{
	const struct store_cert *c = &object->cert;

	switch (field) {
	case STORE_ENABLED:
		return before_number(out, c->enabled);
	case STORE_VALIDITY_DAYS:
		return before_number(out, c->validity_days);
	case STORE_CA_VALIDITY_DAYS:
		return before_number(out, c->ca_validity_days);
	case STORE_CRL_DAYS:
		return before_number(out, c->crl_days);
	case STORE_MANAGED:
		return before_number(out, c->object.managed);
	case STORE_SUBJECT:
		return before_text(out, c->subject);
	default:
		return false;
	}
}

/* What `issuer` says where no certificate here is meant. */
static const char *const not_an_issuer[] = {"none", "self", "external", NULL};

const struct object_kind store_cert_kind = {
    .reserved = not_an_issuer,
    .get = DB_CERT_GET,
    .find = DB_CERT_FIND,
    .each = DB_CERT_EACH,
    .rename = DB_CERT_RENAME,
    .chown = DB_CERT_CHOWN,
    .owned = DB_CERT_OWNED,
    .shows = DB_CERT_SHOWS,
    .read = read_cert,
    .make = cert_make,
    .remove = remove_cert,
    .may_remove = may_remove_cert,
    .value = cert_value,
    .set =
	{
	    [STORE_ENABLED] = DB_CERT_SET_ENABLED,
	    [STORE_VALIDITY_DAYS] = DB_CERT_SET_VALIDITY_DAYS,
	    [STORE_CA_VALIDITY_DAYS] = DB_CERT_SET_CA_VALIDITY_DAYS,
	    [STORE_MANAGED] = DB_CERT_SET_MANAGED,
	    [STORE_CRL_DAYS] = DB_CERT_SET_CRL_DAYS,
	},
};

enum store_state store_cert_state(const struct store_cert *cert)
{
	if (cert->pending)
		return STORE_PENDING;
	if (!cert->enabled)
		return STORE_DISABLED;
	return clock_past(cert->not_after) ? STORE_EXPIRED : STORE_ACTIVE;
}

/* --- documents --- */

struct material {
	struct bytes der, csr;
};

static int read_material(const struct db_row *row, void *arg)
{
	struct material *m = arg;
	size_t len;
	const void *blob = db_blob(row, 0, &len);
	int rc = bytes_add(&m->der, blob, len);

	if (rc)
		return rc;
	blob = db_blob(row, 1, &len);
	return bytes_add(&m->csr, blob, len);
}

static int load(
    struct store *store, const union store_any *object, struct material *m)
{
	struct db_conn *conn = db_reader(store->db);
	bool member = object->object.kind == STORE_MEMBER;

	int rc = db_each(conn, member ? DB_ISSUED_MATERIAL : DB_CERT_MATERIAL,
	    DB_ARGS(DB_INT(member ? object->member.issued : object->object.id)),
	    read_material, m);
	return rc < 0 ? rc : rc == 0 ? -ESTALE : 0;
}

static int read_enrolled(const struct db_row *row, void *arg)
{
	struct store_member *m = arg;

	m->issued = db_int(row, 0);
	m->issuer = db_int(row, 1);
	m->cert_len = (size_t)db_int(row, 2);
	m->csr_len = (size_t)db_int(row, 3);
	return 1;
}

int store_member_enrolled(
    struct store *store, const union store_any *member, union store_any *out)
{
	struct db_conn *conn = db_reader(store->db);

	*out = *member;
	int rc = db_each(conn, DB_ISSUED_FIRST,
	    DB_ARGS(DB_INT(member->object.id)), read_enrolled, &out->member);
	return rc < 0 ? rc : rc == 0 ? -ESTALE : 0;
}

/* What can sign: a certificate, or what issued a member's; NULL while that
 * waits. */
static int signer_of(
    struct store *store, const union store_any *object, struct signer **out)
{
	bool member = object->object.kind == STORE_MEMBER;

	*out = NULL;
	if (!member && object->cert.pending)
		return 0;
	return signer_get(
	    store, member ? object->member.issuer : object->object.id, out);
}

/* Where the chain above begins in the signer's own: behind itself, unless it
 * issued the object. */
static size_t above(const union store_any *object, const struct signer *signer)
{
	return object->object.kind == STORE_MEMBER ? 0 : signer->above;
}

static int add_chain(
    struct store *store, const union store_any *object, struct bytes *out)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	int rc = signer_of(store, object, &signer);

	if (rc || !signer)
		return rc;
	return bytes_add_part(
	    out, &signer->chain, above(object, signer), signer->chain.len);
}

static int add_fingerprint(const struct bytes *der, struct bytes *out)
{
	unsigned char hash[PKI_HASH];
	char text[2 * PKI_HASH + 1];
	int rc = pki_sha256(der->data, der->len, hash);

	if (rc)
		return rc;
	hex_text(hash, PKI_HASH, text);
	return bytes_add(out, text, strlen(text));
}

int store_document(struct store *store, const union store_any *object,
    enum store_document which, struct bytes *out)
{
	struct material m = {0};
	int rc;

	if (which == STORE_CHAIN_PEM)
		return add_chain(store, object, out);
	rc = load(store, object, &m);
	if (!rc && !m.der.len && which != STORE_CSR_PEM) {
		bytes_free(&m.csr);
		return 0;
	}
	if (!rc && which == STORE_FINGERPRINT)
		rc = add_fingerprint(&m.der, out);
	else if (!rc && which == STORE_CSR_PEM)
		rc = pki_pem(PKI_LABEL_REQUEST, m.csr.data, m.csr.len, out);
	else if (!rc)
		rc = pki_pem(PKI_LABEL_CERTIFICATE, m.der.data, m.der.len, out);
	if (!rc && which == STORE_FULLCHAIN_PEM)
		rc = add_chain(store, object, out);
	bytes_free(&m.der);
	bytes_free(&m.csr);
	return rc;
}

int store_document_len(struct store *store, const union store_any *object,
    enum store_document which, size_t *len)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	bool member = object->object.kind == STORE_MEMBER;
	size_t cert = member ? object->member.cert_len : object->cert.cert_len;
	size_t csr = member ? object->member.csr_len : object->cert.csr_len;

	*len = 0;
	if (!cert && which != STORE_CSR_PEM)
		return 0;
	if (which == STORE_FINGERPRINT)
		*len = (size_t)2 * PKI_HASH;
	else if (which == STORE_CSR_PEM)
		*len = pki_pem_len(PKI_LABEL_REQUEST, csr);
	else if (which != STORE_CHAIN_PEM)
		*len = pki_pem_len(PKI_LABEL_CERTIFICATE, cert);
	if (which != STORE_CHAIN_PEM && which != STORE_FULLCHAIN_PEM)
		return 0;
	int rc = signer_of(store, object, &signer);
	if (!rc && signer)
		*len += signer->chain.len - above(object, signer);
	return rc;
}
