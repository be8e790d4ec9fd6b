/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/enrollment.h"
#include "store/internal.h"
#include "store/objects/pending.h"

/*
 * Certificates from outside for pending signing certificates: an outside CA's
 * answer to the request, or an import, which brings its private key too.
 */

static int install(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct pending_cert *p = arg;
	const struct bytes *csr = p->new_key.len ? &p->new_csr : &p->csr;
	int rc = pending_read(conn, p);

	if (!rc && p->new_key.len)
		rc = db_exists(conn, DB_CERT_KEY_TAKEN,
		    DB_ARGS(
			DB_BLOB(p->info.spki_hash, PKI_HASH), DB_INT(p->id)));
	if (rc > 0)
		return store_refuse(
		    p->call, -EEXIST, "this public key is here already");
	if (!rc && p->new_key.len)
		rc = pending_rekey(conn, p, batch->now);
	if (!rc)
		rc = cert_store_signed(conn,
		    &(struct signed_cert){.id = p->id,
			.csr = csr,
			.der = &p->der,
			.chain = &p->chain},
		    batch->now, p->call->uid);
	return rc ? rc
		  : pending_note(conn, p, batch->now,
			p->import ? "import" : "install", "");
}

static const struct db_job install_job = {.record = install};

/* An import's private key, and the request that would have been made with
 * it. */
static int prepare_key(struct pending_cert *p, struct pki_bundle *bundle)
{
	int rc = pki_key_describe(bundle->key.data, bundle->key.len, &p->info);

	if (rc == -EBADMSG)
		return store_refuse(p->call, rc,
		    "the key has to be RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519");
	if (rc)
		return rc;
	bytes_swap(&p->new_key, &bundle->key);
	return pki_request_again(p->new_key.data, p->new_key.len,
	    bundle->cert.data, bundle->cert.len, &p->new_csr);
}

/* The store keeps serial number, dates and subject: they must be valid (RFC
 * 5280 4.1.2.2, 4.1.2.5) and fit. */
static int check_cert(struct pending_cert *p, const struct bytes *der)
{
	CLEANUP_BYTES struct bytes subject = {0};
	struct pki_cert_info info;
	int rc = pki_cert_info(der->data, der->len, &info);

	if (rc == -EBADMSG)
		return store_refuse(p->call, rc,
		    "its serial number is not positive or too long, or its dates are damaged");
	if (!rc)
		rc = pki_cert_subject(der->data, der->len, false, &subject);
	if (!rc && subject.len > sizeof(p->subject))
		return store_refuse(p->call, -EBADMSG,
		    "its subject has more than %d bytes", STORE_SUBJECT_MAX);
	if (!rc)
		memcpy(p->subject, subject.data, subject.len);
	return rc;
}

/* Installing the present certificate again is no error: playbooks do it. */
static int same_again(struct pending_cert *p, const struct pki_bundle *bundle)
{
	if (bundle->cert.len != p->cert.len ||
	    memcmp(bundle->cert.data, p->cert.data, p->cert.len) != 0)
		return pending_refuse_issued(p->call);
	return PENDING_DONE;
}

static int prepare_answer(struct pending_cert *p)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	struct pki_key_info own;
	int64_t now = clock_now() / CLOCK_SECOND;
	const char *reason = NULL;
	int rc = pki_key_describe(p->key.data, p->key.len, &own);

	if (!rc)
		rc = pki_bundle_parse(p->answer, p->answer_len,
		    p->import ? NULL : own.spki_hash, now, &bundle, &reason);
	if (p->cert.len && rc != PENDING_INCOMPLETE)
		return rc ? pending_refuse_issued(p->call)
			  : same_again(p, &bundle);
	if (!rc)
		rc = check_cert(p, &bundle.cert);
	if (!rc && p->import)
		rc = prepare_key(p, &bundle);
	const struct bytes *key = p->import ? &p->new_key : &p->key;
	if (!rc)
		rc = pki_bundle_try(&bundle, key->data, key->len,
		    p->store->domain, now, &reason);
	if (rc && reason)
		return store_refuse(p->call, rc, "%s", reason);
	bytes_swap(&p->der, &bundle.cert);
	bytes_swap(&p->chain, &bundle.chain);
	return rc;
}

int store_cert_install(struct store *store, struct store_call *call,
    const struct store_object *object, bool import, const void *data,
    size_t len)
{
	struct pending_cert p = {
	    .store = store,
	    .call = call,
	    .id = object->id,
	    .answer = data,
	    .answer_len = len,
	    .import = import,
	};

	if (len > STORE_REQUEST_MAX)
		return store_refuse(
		    call, -EFBIG, "at most %d bytes", STORE_REQUEST_MAX);
	return pending_run(&p, prepare_answer, &install_job);
}
