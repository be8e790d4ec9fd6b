/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/authority.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/signer.h"

/* Signing certificates: key pair, request and signature. */

enum { VALIDITY_DAYS = 3650 };

const char *cert_domain_uri(const struct store *store, char out[CERT_URI])
{
	snprintf(out, CERT_URI, "spiffe://%s", store->domain);
	return out;
}

/* --- making --- */

static int make_pair(
    const struct store_make *make, const char *algorithm, struct new_pair *out)
{
	char uri[CERT_URI];
	struct pki_key_info info;

	out->algorithm = algorithm;
	snprintf(out->subject, sizeof(out->subject), "CN=%s,O=%s", make->name,
	    make->store->domain);
	int rc = pki_key_make(algorithm, &out->key);
	if (!rc)
		rc = pki_key_describe(out->key.data, out->key.len, &info);
	if (rc)
		return rc;
	memcpy(out->spki_hash, info.spki_hash, PKI_HASH);
	return pki_request(out->key.data, out->key.len, out->subject,
	    cert_domain_uri(make->store, uri), &out->csr);
}

int cert_prepare(const struct store_make *make, struct new_pair *out)
{
	return make_pair(make, "ec-p256", out);
}

void new_pair_free(struct new_pair *pair)
{
	bytes_free(&pair->key);
	bytes_free(&pair->csr);
}

static int add(struct db_conn *conn, const struct store_make *make, int64_t days)
{
	CLEANUP_BYTES struct bytes box = {0};
	const struct new_pair *pair = make->pair;
	int rc = pki_seal(make->store->sealer, "cert", make->id, pair->key.data,
	    pair->key.len, &box);

	return rc ? rc
		  : db_must_change(conn, DB_CERT_ADD,
			DB_ARGS(DB_INT(make->id), DB_TEXT(make->name),
			    DB_INT(make->call->uid), DB_INT(make->gid),
			    DB_INT(make->mode), DB_INT(make->now),
			    DB_TEXT(pair->algorithm), DB_TEXT(pair->subject),
			    DB_BLOB(pair->csr.data, pair->csr.len),
			    DB_BLOB(pair->spki_hash, PKI_HASH), DB_INT(days),
			    DB_BLOB(box.data, box.len), DB_BLOB("", 0)),
			-EEXIST);
}

int cert_make(struct db_conn *conn, const struct store_make *make)
{
	return add(conn, make, VALIDITY_DAYS);
}

/* --- the certificate --- */

int cert_store_signed(
    struct db_conn *conn, const struct signed_cert *s, int64_t now, uid_t uid)
{
	CLEANUP_BYTES struct bytes subject = {0};
	struct pki_cert_info info;
	bool chain = s->chain && s->chain->len;
	int rc = pki_cert_info(s->der->data, s->der->len, &info);

	if (!rc)
		rc = pki_cert_subject(
		    s->der->data, s->der->len, false, &subject);
	if (rc)
		return rc;
	rc = db_must_change(conn, DB_CERT_SIGNED,
	    DB_ARGS(DB_INT(s->id), DB_BLOB(s->csr->data, s->csr->len),
		DB_INT(now), DB_INT(uid), DB_INT((int64_t)s->bit),
		DB_INT((int64_t)s->bare), DB_BLOB(s->der->data, s->der->len),
		DB_BLOB(info.serial, info.serial_len), DB_INT(info.not_before),
		DB_INT(info.not_after), DB_TEXT((char *)subject.data),
		s->issuer ? DB_INT(s->issuer) : DB_NIL,
		chain ? DB_BLOB(s->chain->data, s->chain->len) : DB_NIL),
	    -EAGAIN);
	if (rc)
		return rc;
	return s->issuer ? signer_issued(conn, s->issuer, now) : 0;
}

int cert_sign(const struct store *store, const struct new_cert *want,
    const char *subject, const struct bytes *key, int64_t now,
    struct bytes *der)
{
	char uri[CERT_URI];
	int64_t seconds = now / CLOCK_SECOND;
	struct pki_new_ca new = {
	    .subject = subject,
	    .uri = cert_domain_uri(store, uri),
	    .path_length = want->path_length,
	    .not_before = seconds - CERT_BACKDATE,
	    .not_after = seconds + want->days * SECONDS_PER_DAY,
	};

	if (new.not_after > want->not_after_limit)
		new.not_after = want->not_after_limit;
	int rc = pki_serial(new.serial);
	return rc ? rc
		  : pki_ca_sign(&new, key->data, key->len, want->issuer_ca, der);
}

static int issue(struct db_conn *conn, const struct store_make *make,
    const struct new_cert *want, struct bytes *der)
{
	const struct new_pair *pair = make->pair;
	int rc = add(conn, make, want->days);

	if (!rc)
		rc = cert_sign(make->store, want, pair->subject, &pair->key,
		    make->now, der);
	return rc ? rc
		  : cert_store_signed(conn,
			&(struct signed_cert){.id = make->id,
			    .csr = &pair->csr,
			    .der = der,
			    .issuer = want->issuer},
			make->now, make->call->uid);
}

int cert_make_signed(struct db_conn *conn, struct db_batch *batch,
    struct store_make *make, const struct new_cert *want, struct pki_ca **ca,
    int64_t *not_after)
{
	CLEANUP_BYTES struct bytes der = {0};
	CLEANUP_PAIR struct new_pair pair = {0};
	struct pki_cert_info info = {0};
	int rc = cert_prepare(make, &pair);

	make->pair = &pair;
	make->id = db_new_id(batch, DB_CERT);
	if (!rc)
		rc = issue(conn, make, want, &der);
	if (!rc)
		rc = pki_cert_info(der.data, der.len, &info);
	if (!rc && ca)
		rc = pki_ca_open(
		    der.data, der.len, pair.key.data, pair.key.len, ca);
	make->pair = NULL;
	*not_after = info.not_after;
	return rc;
}
