/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/pending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/before.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/*
 * Pending signing certificates: a key pair and a request. Key pair and subject
 * can be changed until a certificate of this store signs the request, or one
 * comes from outside (install.c).
 *
 * The caller's thread makes keys and signatures; the job that stores them fails
 * with -EAGAIN if the request has changed since it was read.
 */

enum { MAX_ATTEMPTS = 8 }; /* after concurrent changes */

static void clear(struct pending_cert *p)
{
	bytes_free(&p->csr);
	bytes_free(&p->key);
	bytes_free(&p->cert);
	bytes_free(&p->new_csr);
	bytes_free(&p->new_key);
	bytes_free(&p->der);
	bytes_free(&p->chain);
}

int pending_refuse_issued(struct store_call *call)
{
	return store_refuse(call, -EBUSY, "it has its certificate");
}

static int read_material(const struct db_row *row, void *arg)
{
	struct pending_cert *p = arg;
	size_t len;
	const void *blob = db_blob(row, 1, &len);
	int rc = bytes_add(&p->csr, blob, len);

	blob = db_blob(row, 0, &len);
	if (!rc)
		rc = bytes_add(&p->cert, blob, len);
	if (rc)
		return rc;
	blob = db_blob(row, 2, &len);
	if (!blob)
		return -ESTALE; /* deleted since row was read */
	rc = pki_unseal(p->store->sealer, "cert", p->id, blob, len, &p->key);
	return rc == -EBADMSG ? -EIO : rc;
}

static int load(struct pending_cert *p)
{
	struct db_conn *conn = db_reader(p->store->db);
	int rc = object_get_writable(conn, p->call, STORE_CERT, p->id, &p->row);

	clear(p);
	if (rc)
		return rc;
	if (!p->row.cert.pending && !p->answer)
		return pending_refuse_issued(p->call);
	return db_each(
	    conn, DB_CERT_MATERIAL, DB_ARGS(DB_INT(p->id)), read_material, p);
}

int pending_read(struct db_conn *conn, struct pending_cert *p)
{
	int rc = object_get_writable(conn, p->call, STORE_CERT, p->id, &p->row);

	return !rc && !p->row.cert.pending ? pending_refuse_issued(p->call)
					   : rc;
}

int pending_note(struct db_conn *conn, const struct pending_cert *p,
    int64_t now, const char *action, const char *file)
{
	char object[STORE_PATH], path[STORE_PATH + 16];
	int rc = shown_edited(conn, &p->row.object, false, now);

	if (rc)
		return rc;
	store_path(&p->row.object, object);
	snprintf(path, sizeof(path), "%s%s", object, file);
	return audit_add(conn, p->call, now,
	    &(struct audit){.action = action,
		.object = path,
		.name = p->edit ? "value" : NULL,
		.value = p->edit ? p->edit->text : NULL});
}

/* The first arguments of every statement that changes a pending certificate. */
#define PENDING_ARGS(p, csr, now)                                       \
	DB_INT((p)->id), DB_BLOB((csr)->data, (csr)->len), DB_INT(now), \
	    DB_INT((p)->call->uid),                                     \
	    DB_INT((p)->edit ? (int64_t)(p)->edit->bit : 0),            \
	    DB_INT((p)->edit && (p)->edit->bare ? (int64_t)(p)->edit->bit : 0)

int pending_rekey(struct db_conn *conn, struct pending_cert *p, int64_t now)
{
	CLEANUP_BYTES struct bytes box = {0};
	int rc = pki_seal(p->store->sealer, "cert", p->id, p->new_key.data,
	    p->new_key.len, &box);

	if (rc)
		return rc;
	rc = db_must_change(conn, DB_CERT_REKEY,
	    DB_ARGS(PENDING_ARGS(p, &p->csr, now), DB_TEXT(p->info.algorithm),
		DB_BLOB(p->new_csr.data, p->new_csr.len),
		DB_BLOB(p->info.spki_hash, PKI_HASH),
		DB_BLOB(box.data, box.len), DB_TEXT(p->subject)),
	    -EAGAIN);
	if (!rc)
		db_scrub(conn);
	return rc;
}

int pending_run(struct pending_cert *p, int (*prepare)(struct pending_cert *p),
    const struct db_job *job)
{
	int rc = -EAGAIN;

	for (int attempt = 0; attempt < MAX_ATTEMPTS && rc == -EAGAIN;
	     attempt++) {
		rc = load(p);
		if (!rc)
			rc = prepare(p);
		if (!rc)
			rc = store_submit(p->store, p->call, job, p);
	}
	clear(p);
	if (rc == -EAGAIN)
		return store_refuse(
		    p->call, -EIO, "the certificate kept changing");
	return rc == PENDING_DONE ? 0 : rc;
}

/* --- algorithm and subject --- */

static int prepare_algorithm(struct pending_cert *p)
{
	char uri[CERT_URI];

	memcpy(p->subject, p->row.cert.subject, sizeof(p->subject));
	int rc = pki_key_make(p->edit->text, &p->new_key);
	if (!rc)
		rc = pki_key_describe(p->new_key.data, p->new_key.len, &p->info);
	return rc ? rc
		  : pki_request(p->new_key.data, p->new_key.len, p->subject,
			cert_domain_uri(p->store, uri), &p->new_csr);
}

static int prepare_subject(struct pending_cert *p)
{
	char uri[CERT_URI];

	return pki_request(p->key.data, p->key.len, p->subject,
	    cert_domain_uri(p->store, uri), &p->new_csr);
}

static int set_subject(
    struct db_conn *conn, const struct pending_cert *p, int64_t now)
{
	return db_must_change(conn, DB_CERT_SET_SUBJECT,
	    DB_ARGS(PENDING_ARGS(p, &p->csr, now), DB_TEXT(p->subject),
		DB_BLOB(p->new_csr.data, p->new_csr.len)),
	    -EAGAIN);
}

static int set(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct pending_cert *p = arg;
	bool algorithm = p->edit->field == STORE_ALGORITHM;
	int rc = pending_read(conn, p);

	if (!rc)
		rc = before_check(conn, p->store, p->edit, &p->row.object);
	if (!rc)
		rc = algorithm ? pending_rekey(conn, p, batch->now)
			       : set_subject(conn, p, batch->now);
	if (rc)
		return rc;
	before_note(p->store, p->edit, &p->row);
	return pending_note(
	    conn, p, batch->now, "set", algorithm ? "/algorithm" : "/subject");
}

static const struct db_job set_job = {.record = set};

static int check_subject(struct pending_cert *p)
{
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;
	int rc = pki_subject(p->edit->text, &text, &reason);

	if (rc)
		return reason ? store_refuse(p->call, rc, "%s", reason) : rc;
	if (text.len > sizeof(p->subject))
		return store_refuse(p->call, -EFBIG,
		    "a subject has at most %d bytes", STORE_SUBJECT_MAX);
	memcpy(p->subject, text.data, text.len);
	/* the normal form: escapes in the text could hide a secret */
	return store_check_secret(
	    p->store, p->call, p->subject, strlen(p->subject));
}

/* --- signed by itself or by a certificate here --- */

static int find_issuer(
    struct pending_cert *p, struct new_cert *want, struct signer **signer)
{
	const char *name = p->edit->text;
	union store_any row;
	int rc = store_find(p->store, STORE_CERT, STORE_CERTS, name, &row);

	if (rc == -ENOENT || (!rc && (row.cert.pending || !row.cert.enabled)))
		return store_refuse(p->call, -ENOENT,
		    "there is no enabled signing certificate %s",
		    name_legal(name, strlen(name)) ? name : "of that name");
	/* Otherwise the owner of a pending certificate could get a CA below any
	 * root. */
	if (!rc && row.object.uid != p->call->uid &&
	    !store_is_root_owner(p->store, p->call->uid))
		return store_refuse(p->call, -EACCES,
		    "only its owner, or that of the mount's root, has another certificate sign");
	if (!rc && store_cert_state(&row.cert) != STORE_ACTIVE)
		return store_refuse(
		    p->call, -EKEYEXPIRED, "%s has expired", name);
	if (!rc)
		rc = signer_get(p->store, row.object.id, signer);
	if (rc)
		return rc;
	if ((*signer)->depth >= SIGNER_DEPTH)
		return store_refuse(p->call, -EINVAL,
		    "%s stands too deep to have a CA below it", name);
	if ((*signer)->path_left < 1)
		return store_refuse(p->call, -EINVAL,
		    "the path length of %s, or of one above it, allows no CA below it",
		    name);
	want->path_length = (*signer)->path_left == PKI_NO_LIMIT
				? PKI_NO_LIMIT
				: (*signer)->path_left - 1;
	want->issuer_ca = (*signer)->ca;
	want->not_after_limit = row.cert.not_after;
	p->issuer = row.object.id;
	return 0;
}

static int prepare_issuer(struct pending_cert *p)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	struct new_cert want = {
	    .path_length = PKI_NO_LIMIT,
	    .days = p->row.cert.ca_validity_days,
	    .not_after_limit = CLOCK_MAX,
	};
	int64_t now = clock_now();
	int rc = 0;

	p->issuer = 0;
	if (strcmp(p->edit->text, "self") != 0)
		rc = find_issuer(p, &want, &signer);
	if (!rc)
		rc = cert_sign(p->store, &want, p->row.cert.subject, &p->key,
		    now, &p->der);
	return rc || !signer ? rc
			     : signer_verify(p->store, p->call, signer, &p->der,
				   now / CLOCK_SECOND);
}

static int set_issuer(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct pending_cert *p = arg;
	int rc = pending_read(conn, p);

	if (!rc)
		rc = cert_store_signed(conn,
		    &(struct signed_cert){
			.id = p->id,
			.csr = &p->csr,
			.der = &p->der,
			.issuer = p->issuer,
			.bit = p->edit->bit,
			.bare = p->edit->bare ? p->edit->bit : 0,
		    },
		    batch->now, p->call->uid);
	return rc ? rc : pending_note(conn, p, batch->now, "set", "/issuer");
}

static const struct db_job issuer_job = {.record = set_issuer};

int store_cert_edit(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit)
{
	struct pending_cert p = {
	    .store = store, .call = call, .id = object->id, .edit = edit};
	int rc = 0;

	if (edit->field == STORE_CROSS)
		return store_cert_cross(store, call, object, edit);
	if (edit->field == STORE_ISSUER)
		return pending_run(&p, prepare_issuer, &issuer_job);
	if (edit->field == STORE_SUBJECT)
		rc = check_subject(&p);
	else if (!pki_key_algorithm(edit->text))
		rc = store_refuse(call, -EINVAL,
		    "not one of ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096");
	if (rc)
		return rc;
	return pending_run(&p,
	    edit->field == STORE_SUBJECT ? prepare_subject : prepare_algorithm,
	    &set_job);
}
