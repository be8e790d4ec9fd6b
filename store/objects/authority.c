/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/authority.h"

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
 * Signing certificates until they can sign. One begins as a key pair and a
 * request; then a certificate here signs it, or an outside CA does, or another
 * pair and certificate is imported. Keys are made and certificates signed by
 * who asks, not by the writer; the job that stores them holds only if the
 * request is still the one that was looked at.
 */

enum {
	ROUNDS = 8, /* how often it may change under one caller */
	VALIDITY_DAYS = 3650,
	MISSING = 1, /* prepared: something is to come */
	DONE = 2,    /* prepared: there is nothing to store */
};

/* What verifiers of SPIFFE ids expect a CA to be: that of the domain, without a
 * path. */
enum { DOMAIN_URI = sizeof("spiffe://") + DOMAIN_MAX_LEN };

static const char *domain_uri(const struct store *store, char out[DOMAIN_URI])
{
	snprintf(out, DOMAIN_URI, "spiffe://%s", store->domain);
	return out;
}

/* --- making --- */

static int make_pair(
    const struct store_make *make, const char *algorithm, struct new_pair *out)
{
	char uri[DOMAIN_URI];
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
	    domain_uri(make->store, uri), &out->csr);
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

/* What DB_CERT_SIGNED stores. */
struct signed_cert {
	int64_t id;
	const struct bytes *csr; /* the request as it was looked at */
	const struct bytes *der, *chain;
	int64_t issuer;
	uint64_t bit, bare;
};

/* In a job. -EAGAIN: something has changed since. */
static int store_signed(
    struct db_conn *conn, const struct signed_cert *s, int64_t now, uid_t who)
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
		DB_INT(now), DB_INT(who), DB_INT((int64_t)s->bit),
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

static int sign(const struct store *store, const struct new_cert *want,
    const char *subject, const struct bytes *key, int64_t now,
    struct bytes *der)
{
	char uri[DOMAIN_URI];
	int64_t seconds = now / CLOCK_SECOND;
	struct pki_new_ca new = {
	    .subject = subject,
	    .uri = domain_uri(store, uri),
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
		rc = sign(make->store, want, pair->subject, &pair->key,
		    make->now, der);
	return rc ? rc
		  : store_signed(conn,
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

/* --- one that waits --- */

struct waiting {
	struct store *store;
	struct store_call *call;
	int64_t id;
	union store_any row;
	struct bytes csr, key; /* as they were looked at */
	struct bytes cert;     /* that it has, if it does not wait */

	/* what is to be stored */
	const struct store_edit *edit;
	const void *answer; /* of an outside CA, or an import */
	size_t answer_len;
	bool import;
	struct bytes new_csr, new_key, der, chain;
	char subject[STORE_SUBJECT_MAX + 1];
	struct pki_key_info info;
	int64_t issuer;
};

static void forget(struct waiting *w)
{
	bytes_free(&w->csr);
	bytes_free(&w->key);
	bytes_free(&w->cert);
	bytes_free(&w->new_csr);
	bytes_free(&w->new_key);
	bytes_free(&w->der);
	bytes_free(&w->chain);
}

static int has_its_certificate(struct store_call *call)
{
	return store_refuse(call, -EBUSY, "it has its certificate");
}

static int read_waiting(const struct db_row *row, void *arg)
{
	struct waiting *w = arg;
	size_t len;
	const void *blob = db_blob(row, 1, &len);
	int rc = bytes_add(&w->csr, blob, len);

	blob = db_blob(row, 0, &len);
	if (!rc)
		rc = bytes_add(&w->cert, blob, len);
	if (rc)
		return rc;
	blob = db_blob(row, 2, &len);
	if (!blob)
		return -ESTALE; /* removed meanwhile */
	rc = pki_unseal(w->store->sealer, "cert", w->id, blob, len, &w->key);
	return rc == -EBADMSG ? -EIO : rc;
}

static int look(struct waiting *w)
{
	struct db_conn *conn = db_reader(w->store->db);
	int rc = object_get_writable(conn, w->call, STORE_CERT, w->id, &w->row);

	forget(w);
	if (rc)
		return rc;
	if (!w->row.cert.pending && !w->answer)
		return has_its_certificate(w->call);
	return db_each(
	    conn, DB_CERT_MATERIAL, DB_ARGS(DB_INT(w->id)), read_waiting, w);
}

/* In a job that changes it: that it still waits, and may be changed. */
static int look_again(struct db_conn *conn, struct waiting *w)
{
	int rc = object_get_writable(conn, w->call, STORE_CERT, w->id, &w->row);

	return !rc && !w->row.cert.pending ? has_its_certificate(w->call) : rc;
}

/* In a job that has changed it, behind that. */
static int note(struct db_conn *conn, const struct waiting *w, int64_t now,
    const char *action, const char *file)
{
	char object[STORE_PATH], path[STORE_PATH + 16];
	int rc = shown_edited(conn, &w->row.object, false, now);

	if (rc)
		return rc;
	store_path(&w->row.object, object);
	snprintf(path, sizeof(path), "%s%s", object, file);
	return audit_add(conn, w->call, now,
	    &(struct audit){.action = action,
		.object = path,
		.name = w->edit ? "value" : NULL,
		.value = w->edit ? w->edit->text : NULL});
}

/* The arguments that every change of one that waits begins with. */
#define WAITING(w, csr, now)                                            \
	DB_INT((w)->id), DB_BLOB((csr)->data, (csr)->len), DB_INT(now), \
	    DB_INT((w)->call->uid),                                     \
	    DB_INT((w)->edit ? (int64_t)(w)->edit->bit : 0),            \
	    DB_INT((w)->edit && (w)->edit->bare ? (int64_t)(w)->edit->bit : 0)

/* In a job: another key pair takes the place of the one that is there. */
static int rekey(struct db_conn *conn, struct waiting *w, int64_t now)
{
	CLEANUP_BYTES struct bytes box = {0};
	int rc = pki_seal(w->store->sealer, "cert", w->id, w->new_key.data,
	    w->new_key.len, &box);

	if (rc)
		return rc;
	rc = db_must_change(conn, DB_CERT_REKEY,
	    DB_ARGS(WAITING(w, &w->csr, now), DB_TEXT(w->info.algorithm),
		DB_BLOB(w->new_csr.data, w->new_csr.len),
		DB_BLOB(w->info.spki_hash, PKI_HASH),
		DB_BLOB(box.data, box.len), DB_TEXT(w->subject)),
	    -EAGAIN);
	if (!rc)
		db_scrub(conn);
	return rc;
}

/* Repeats what a function prepares until what it looked at has not changed
 * under it. */
static int carry_out(struct waiting *w, int (*prepare)(struct waiting *w),
    const struct db_job *job)
{
	int rc = -EAGAIN;

	for (int round = 0; round < ROUNDS && rc == -EAGAIN; round++) {
		rc = look(w);
		if (!rc)
			rc = prepare(w);
		if (!rc)
			rc = store_submit(w->store, w->call, job, w);
	}
	forget(w);
	if (rc == -EAGAIN)
		return store_refuse(
		    w->call, -EIO, "the certificate kept changing");
	return rc == DONE ? 0 : rc;
}

/* --- algorithm and subject --- */

static int prepare_algorithm(struct waiting *w)
{
	char uri[DOMAIN_URI];

	memcpy(w->subject, w->row.cert.subject, sizeof(w->subject));
	int rc = pki_key_make(w->edit->text, &w->new_key);
	if (!rc)
		rc = pki_key_describe(w->new_key.data, w->new_key.len, &w->info);
	return rc ? rc
		  : pki_request(w->new_key.data, w->new_key.len, w->subject,
			domain_uri(w->store, uri), &w->new_csr);
}

static int prepare_subject(struct waiting *w)
{
	char uri[DOMAIN_URI];

	return pki_request(w->key.data, w->key.len, w->subject,
	    domain_uri(w->store, uri), &w->new_csr);
}

static int set_subject(
    struct db_conn *conn, const struct waiting *w, int64_t now)
{
	return db_must_change(conn, DB_CERT_SET_SUBJECT,
	    DB_ARGS(WAITING(w, &w->csr, now), DB_TEXT(w->subject),
		DB_BLOB(w->new_csr.data, w->new_csr.len)),
	    -EAGAIN);
}

static int set(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct waiting *w = arg;
	bool algorithm = w->edit->field == STORE_ALGORITHM;
	int rc = look_again(conn, w);

	if (!rc)
		rc = before_check(w->store, w->edit, &w->row.object);
	if (!rc)
		rc = algorithm ? rekey(conn, w, batch->now)
			       : set_subject(conn, w, batch->now);
	if (rc)
		return rc;
	before_note(w->store, w->edit, &w->row);
	return note(
	    conn, w, batch->now, "set", algorithm ? "/algorithm" : "/subject");
}

static const struct db_job set_job = {.record = set};

static int check_subject(struct waiting *w)
{
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;
	int rc = pki_subject(w->edit->text, &text, &reason);

	if (rc)
		return reason ? store_refuse(w->call, rc, "%s", reason) : rc;
	if (text.len > sizeof(w->subject))
		return store_refuse(w->call, -EFBIG,
		    "a subject has at most %d bytes", STORE_SUBJECT_MAX);
	memcpy(w->subject, text.data, text.len);
	/* as it is shown, without the escapes that it may have been written
	 * with */
	return store_check_secret(
	    w->store, w->call, w->subject, strlen(w->subject));
}

/* --- signed by itself or by one that is here --- */

static int find_issuer(
    struct waiting *w, struct new_cert *want, struct signer **signer)
{
	const char *name = w->edit->text;
	union store_any row;
	int rc = store_find(w->store, STORE_CERT, STORE_CERTS, name, &row);

	if (rc == -ENOENT || (!rc && (row.cert.pending || !row.cert.enabled)))
		return store_refuse(w->call, -ENOENT,
		    "there is no enabled signing certificate %s",
		    name_legal(name, strlen(name)) ? name : "of that name");
	/* Else whoever was given one that waits could have a CA under any
	 * root. */
	if (!rc && row.object.uid != w->call->uid &&
	    !store_is_root_owner(w->store, w->call->uid))
		return store_refuse(w->call, -EACCES,
		    "only its owner, or that of the mount's root, has another certificate sign");
	if (!rc && store_cert_state(&row.cert) != STORE_ACTIVE)
		return store_refuse(
		    w->call, -EKEYEXPIRED, "%s has expired", name);
	if (!rc)
		rc = signer_get(w->store, row.object.id, signer);
	if (rc)
		return rc;
	if ((*signer)->depth >= SIGNER_DEPTH)
		return store_refuse(w->call, -EINVAL,
		    "%s stands too deep to have a CA below it", name);
	if ((*signer)->path_left < 1)
		return store_refuse(w->call, -EINVAL,
		    "the path length of %s, or of one above it, allows no CA below it",
		    name);
	want->path_length = (*signer)->path_left == PKI_NO_LIMIT
				? PKI_NO_LIMIT
				: (*signer)->path_left - 1;
	want->issuer_ca = (*signer)->ca;
	want->not_after_limit = row.cert.not_after;
	w->issuer = row.object.id;
	return 0;
}

static int prepare_issuer(struct waiting *w)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	struct new_cert want = {
	    .path_length = PKI_NO_LIMIT,
	    .days = w->row.cert.ca_validity_days,
	    .not_after_limit = CLOCK_MAX,
	};
	int rc = 0;

	w->issuer = 0;
	if (strcmp(w->edit->text, "self") != 0)
		rc = find_issuer(w, &want, &signer);
	return rc ? rc
		  : sign(w->store, &want, w->row.cert.subject, &w->key,
			clock_now(), &w->der);
}

static int set_issuer(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct waiting *w = arg;
	int rc = look_again(conn, w);

	if (!rc)
		rc = store_signed(conn,
		    &(struct signed_cert){
			.id = w->id,
			.csr = &w->csr,
			.der = &w->der,
			.issuer = w->issuer,
			.bit = w->edit->bit,
			.bare = w->edit->bare ? w->edit->bit : 0,
		    },
		    batch->now, w->call->uid);
	return rc ? rc : note(conn, w, batch->now, "set", "/issuer");
}

static const struct db_job issuer_job = {.record = set_issuer};

int store_cert_edit(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit)
{
	struct waiting w = {
	    .store = store, .call = call, .id = object->id, .edit = edit};
	int rc = 0;

	if (edit->field == STORE_ISSUER)
		return carry_out(&w, prepare_issuer, &issuer_job);
	if (edit->field == STORE_SUBJECT)
		rc = check_subject(&w);
	else if (!pki_key_algorithm(edit->text))
		rc = store_refuse(call, -EINVAL,
		    "not one of ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096");
	if (rc)
		return rc;
	return carry_out(&w,
	    edit->field == STORE_SUBJECT ? prepare_subject : prepare_algorithm,
	    &set_job);
}

/* --- from outside --- */

static int install(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct waiting *w = arg;
	const struct bytes *csr = w->new_key.len ? &w->new_csr : &w->csr;
	int rc = look_again(conn, w);

	if (!rc && w->new_key.len)
		rc = db_exists(conn, DB_CERT_KEY_TAKEN,
		    DB_ARGS(
			DB_BLOB(w->info.spki_hash, PKI_HASH), DB_INT(w->id)));
	if (rc > 0)
		return store_refuse(
		    w->call, -EEXIST, "this public key is here already");
	if (!rc && w->new_key.len)
		rc = rekey(conn, w, batch->now);
	if (!rc)
		rc = store_signed(conn,
		    &(struct signed_cert){.id = w->id,
			.csr = csr,
			.der = &w->der,
			.chain = &w->chain},
		    batch->now, w->call->uid);
	return rc ? rc
		  : note(conn, w, batch->now, w->import ? "import" : "install",
			"");
}

static const struct db_job install_job = {.record = install};

/* What an import brings along: the key, and the request that it would have
 * made. */
static int prepare_key(struct waiting *w, struct pki_bundle *bundle)
{
	int rc = pki_key_describe(bundle->key.data, bundle->key.len, &w->info);

	if (rc == -EBADMSG)
		return store_refuse(w->call, rc,
		    "the key has to be RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519");
	if (rc)
		return rc;
	bytes_swap(&w->new_key, &bundle->key);
	return pki_request_again(w->new_key.data, w->new_key.len,
	    bundle->cert.data, bundle->cert.len, &w->new_csr);
}

/* What is kept of a certificate has to be what RFC 5280 allows, and has to have
 * room. */
static int check_cert(struct waiting *w, const struct bytes *der)
{
	CLEANUP_BYTES struct bytes subject = {0};
	struct pki_cert_info info;
	int rc = pki_cert_info(der->data, der->len, &info);

	if (rc == -EBADMSG)
		return store_refuse(w->call, rc,
		    "its serial number is not positive or too long, or its dates are damaged");
	if (!rc)
		rc = pki_cert_subject(der->data, der->len, false, &subject);
	if (!rc && subject.len > sizeof(w->subject))
		return store_refuse(w->call, -EBADMSG,
		    "its subject has more than %d bytes", STORE_SUBJECT_MAX);
	if (!rc)
		memcpy(w->subject, subject.data, subject.len);
	return rc;
}

/* What it has already is taken again, and changes nothing: playbooks come
 * twice. */
static int same_again(struct waiting *w, const struct pki_bundle *bundle)
{
	if (bundle->cert.len != w->cert.len ||
	    memcmp(bundle->cert.data, w->cert.data, w->cert.len) != 0)
		return has_its_certificate(w->call);
	return DONE;
}

/* MISSING, DONE, or 0. */
static int prepare_answer(struct waiting *w)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	struct pki_key_info own;
	int64_t now = clock_now() / CLOCK_SECOND;
	const char *reason = NULL;
	int rc = pki_key_describe(w->key.data, w->key.len, &own);

	if (!rc)
		rc = pki_bundle_parse(w->answer, w->answer_len,
		    w->import ? NULL : own.spki_hash, now, &bundle, &reason);
	if (w->cert.len && rc != MISSING)
		return rc ? has_its_certificate(w->call)
			  : same_again(w, &bundle);
	if (!rc)
		rc = check_cert(w, &bundle.cert);
	if (!rc && w->import)
		rc = prepare_key(w, &bundle);
	const struct bytes *key = w->import ? &w->new_key : &w->key;
	if (!rc)
		rc = pki_bundle_try(&bundle, key->data, key->len,
		    w->store->domain, now, &reason);
	if (rc && reason)
		return store_refuse(w->call, rc, "%s", reason);
	bytes_swap(&w->der, &bundle.cert);
	bytes_swap(&w->chain, &bundle.chain);
	return rc;
}

int store_cert_install(struct store *store, struct store_call *call,
    const struct store_object *object, bool import, const void *data,
    size_t len)
{
	struct waiting w = {
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
	return carry_out(&w, prepare_answer, &install_job);
}
