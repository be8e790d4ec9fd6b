/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/signer.h"

/* PEM documents and fingerprints of members and signing certificates. */

struct material {
	struct bytes der, csr, cross;
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

static int read_cert(const struct db_row *row, void *arg)
{
	struct material *m = arg;
	size_t len;
	const void *blob = db_blob(row, 6, &len);
	int rc = read_material(row, m);

	return rc || !blob ? rc : bytes_add(&m->cross, blob, len);
}

static void free_material(struct material *m)
{
	bytes_free(&m->der);
	bytes_free(&m->csr);
	bytes_free(&m->cross);
}

static int load(
    struct store *store, const union store_any *object, struct material *m)
{
	struct db_conn *conn = db_reader(store->db);
	bool member = object->object.kind == STORE_MEMBER;

	return db_one(conn, member ? DB_ISSUED_MATERIAL : DB_CERT_MATERIAL,
	    DB_ARGS(DB_INT(member ? object->member.issued : object->object.id)),
	    member ? read_material : read_cert, m, -ESTALE);
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
	return db_one(conn, DB_ISSUED_FIRST, DB_ARGS(DB_INT(member->object.id)),
	    read_enrolled, &out->member, -ESTALE);
}

/* Gets the signer with the object's chain: itself, or a member's issuer. *out
 * is NULL for a pending certificate. */
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

/* The chain of the object's issuers, from *from on. A root has none, whoever
 * vouches for it. */
static const struct bytes *issuers(
    const union store_any *object, const struct signer *signer, size_t *from)
{
	bool member = object->object.kind == STORE_MEMBER;

	*from = member ? 0 : signer->above;
	return *from < signer->chain.len ? signer_chain(signer)
					 : &signer->chain;
}

static int add_chain(
    struct store *store, const union store_any *object, struct bytes *out)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	int rc = signer_of(store, object, &signer);

	if (rc || !signer)
		return rc;
	size_t from;
	const struct bytes *chain = issuers(object, signer, &from);
	return bytes_add_part(out, chain, from, chain->len);
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
		free_material(&m);
		return 0;
	}
	if (!rc && which == STORE_CROSS_PEM)
		rc = m.cross.len ? pki_pem(PKI_LABEL_CERTIFICATE, m.cross.data,
				       m.cross.len, out)
				 : 0;
	else if (!rc && which == STORE_FINGERPRINT)
		rc = add_fingerprint(&m.der, out);
	else if (!rc && which == STORE_CSR_PEM)
		rc = pki_pem(PKI_LABEL_REQUEST, m.csr.data, m.csr.len, out);
	else if (!rc)
		rc = pki_pem(PKI_LABEL_CERTIFICATE, m.der.data, m.der.len, out);
	if (!rc && which == STORE_FULLCHAIN_PEM)
		rc = add_chain(store, object, out);
	free_material(&m);
	return rc;
}

int store_document_moment(struct store *store, const union store_any *object,
    enum store_document which, int64_t *moment)
{
	CLEANUP_SIGNER struct signer *signer = NULL;

	if (which != STORE_CHAIN_PEM && which != STORE_FULLCHAIN_PEM)
		return 0;
	int rc = signer_of(store, object, &signer);
	if (rc || !signer)
		return rc;
	int64_t at = signer->crossed_at;
	if (signer->crossed.len)
		at = clock_later(at, signer->cross_ends);
	if (at > *moment)
		*moment = at;
	return 0;
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
	else if (which == STORE_CROSS_PEM)
		*len = object->cert.cross_len
			   ? pki_pem_len(
				 PKI_LABEL_CERTIFICATE, object->cert.cross_len)
			   : 0;
	else if (which == STORE_CSR_PEM)
		*len = pki_pem_len(PKI_LABEL_REQUEST, csr);
	else if (which != STORE_CHAIN_PEM)
		*len = pki_pem_len(PKI_LABEL_CERTIFICATE, cert);
	if (which != STORE_CHAIN_PEM && which != STORE_FULLCHAIN_PEM)
		return 0;
	int rc = signer_of(store, object, &signer);
	if (rc || !signer)
		return rc;
	size_t from;
	*len += issuers(object, signer, &from)->len;
	*len -= from;
	return 0;
}
