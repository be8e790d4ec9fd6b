/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/refusals.h"

/*
 * Enrolling: the checks in the order of the contract, against what the store says now, then the
 * signature, then one job that counts and stores only if all of that still holds.
 */

enum {
	ROUNDS = 8, /* how often things may change under one enrolment */
	SUFFIX = 9, /* `-` and 8 hex digits */
};

/* --- what the store says --- */

static int read_key(const struct db_row *row, void *arg)
{
	struct enrolment *e = arg;
	size_t len;

	db_text(row, DB_ENROLL_KEY_NAME, e->key_name, sizeof(e->key_name));
	const void *hash = db_blob(row, DB_ENROLL_SECRET_HASH, &len);
	if (len != PKI_HASH)
		return -EIO;
	memcpy(e->secret_hash, hash, PKI_HASH);
	e->key_enabled = db_int(row, DB_ENROLL_KEY_ENABLED);
	e->expires =
		db_is_null(row, DB_ENROLL_EXPIRES) ? STORE_NEVER : db_int(row, DB_ENROLL_EXPIRES);
	e->max_uses = db_is_null(row, DB_ENROLL_MAX_USES) ? STORE_UNLIMITED
							  : db_int(row, DB_ENROLL_MAX_USES);
	e->uses = db_int(row, DB_ENROLL_USES);
	e->group = db_int(row, DB_ENROLL_GROUP);
	db_text(row, DB_ENROLL_GROUP_NAME, e->group_name, sizeof(e->group_name));
	e->place = (int)db_int(row, DB_ENROLL_PLACE);
	e->group_enabled = db_int(row, DB_ENROLL_GROUP_ENABLED);
	e->cert = db_int(row, DB_ENROLL_CERT);
	e->cert_enabled = db_int(row, DB_ENROLL_CERT_ENABLED);
	e->cert_not_before = db_int(row, DB_ENROLL_CERT_NOT_BEFORE);
	e->cert_not_after = db_int(row, DB_ENROLL_CERT_NOT_AFTER);
	e->validity_days = db_int(row, DB_ENROLL_VALIDITY_DAYS);
	return 1;
}

static int read_known(const struct db_row *row, void *arg)
{
	struct enrolment *e = arg;

	e->known = db_int(row, 0);
	e->known_key = db_int(row, 1);
	e->known_cert = db_int(row, 2);
	e->known_not_after = db_int(row, 3);
	e->known_revoked = db_int(row, 4);
	db_text(row, 5, e->known_name, sizeof(e->known_name));
	return 1;
}

/* -ESTALE if the key is gone. */
static int look_at_key(struct enrolment *e)
{
	struct db_conn *conn = db_reader(e->store->db);
	int rc = conn ? db_each(conn, DB_ENROLL_KEY, DB_ARGS(DB_INT(e->key)), read_key, e) : -EIO;

	if (rc == 0)
		return store_refuse(e->call, -ESTALE, "the provisioning key has been deleted");
	return rc < 0 ? rc : 0;
}

static int look_at_public_key(struct enrolment *e)
{
	struct db_conn *conn = db_reader(e->store->db);
	int64_t one = 0;

	e->known = 0;
	e->known_ca = false;
	if (!e->csr)
		return 0;
	if (!conn)
		return -EIO;
	struct db_value hash = DB_BLOB(pki_csr_spki_hash(e->csr), PKI_HASH);
	int rc = db_each(conn, DB_ENROLL_KNOWN, DB_ARGS(hash), read_known, e);
	if (rc >= 0)
		rc = db_each(conn, DB_CERT_KNOWN, DB_ARGS(hash), read_first_int, &one);
	e->known_ca = rc > 0;
	return rc < 0 ? rc : 0;
}

/* --- recognising the provisioning key --- */

static int unknown_key(struct enrolment *e)
{
	return store_refuse(e->call, -EKEYREJECTED, "this provisioning key is not known here");
}

/* Whether the text's secret and domain are this key's; the secret in constant time. */
static int recognise(struct enrolment *e, const struct pki_key_text *text)
{
	unsigned char hash[PKI_HASH];
	int rc = look_at_key(e);
	bool gone = rc == -ESTALE;

	if (rc && !gone)
		return rc;
	rc = pki_sha256(text->secret, PKI_SECRET, hash);
	if (rc)
		return rc;
	if (!pki_equal(hash, e->secret_hash, PKI_HASH) || gone ||
		strcmp(text->domain, e->store->domain) != 0)
		return unknown_key(e);
	memcpy(e->root, text->root, PKI_HASH);
	e->recognised = true;
	return 0;
}

static int begin_with_text(struct enrolment *e, const struct request *request)
{
	struct pki_key_text text;
	const char *reason;
	int rc = pki_key_text_parse(request->key_text, request->key_len, &text, &reason);

	if (rc) {
		rc = store_refuse(e->call, rc, "%s", reason);
	} else {
		e->key = text.id;
		rc = recognise(e, &text);
	}
	explicit_bzero(&text, sizeof(text));
	return rc;
}

int enrolment_begin(struct enrolment *e, const void *data, size_t len)
{
	struct request request;

	e->with_text = !e->key;
	if (!e->with_text) {
		int rc = look_at_key(e);
		if (rc)
			return rc;
		e->recognised = true;
	}
	if (len > STORE_REQUEST_MAX)
		return store_refuse(
			e->call, -EFBIG, "a request has at most %d bytes", STORE_REQUEST_MAX);
	int rc = request_split(e->with_text, data, len, &request);
	if (rc)
		return store_refuse(e->call, rc, "the first line is not a provisioning key");
	if (e->with_text)
		rc = begin_with_text(e, &request);
	/* A bad CSR is told in its turn: a key's refusals come first. */
	if (!rc)
		e->csr_error = pki_csr_parse(request.csr, request.csr_len, &e->csr, &e->csr_reason);
	return rc;
}

void enrolment_end(struct enrolment *e)
{
	pki_csr_free(e->csr);
	signer_put(e->signer);
	bytes_free(&e->der);
}

/* --- the checks --- */

/* A certificate this public key may be given again. */
static bool is_retry(const struct enrolment *e)
{
	return e->known && !e->known_ca && !e->known_revoked && e->known_key == e->key &&
	       !clock_past(e->known_not_after);
}

/* The machine trusts the root that its key text names: what it gets has to chain to that one. */
static int check_root(struct enrolment *e)
{
	int64_t cert = is_retry(e) ? e->known_cert : e->cert;

	signer_put(e->signer);
	e->signer = NULL;
	int rc = signer_get(e->store, cert, &e->signer);
	if (!rc && e->with_text && !pki_equal(e->root, e->signer->root, PKI_HASH))
		return store_refuse(e->call, -EKEYREJECTED,
			"the key text names another root than the certificate would chain to; copy "
			"the key again");
	return rc;
}

static int check_switches(struct enrolment *e, int64_t seconds)
{
	const char *off = !e->key_enabled     ? "provisioning key"
			  : !e->group_enabled ? "group"
			  : !e->cert_enabled  ? "signing certificate"
					      : NULL;

	if (off)
		return store_refuse(e->call, -EKEYREVOKED, "the %s is disabled", off);
	if (e->expires != STORE_NEVER && e->expires <= seconds)
		return store_refuse(e->call, -EKEYEXPIRED, "the provisioning key has expired");
	return 0;
}

static int check_csr(struct enrolment *e)
{
	const char *reason = e->csr_reason;
	int rc = e->csr_error;

	if (!rc)
		rc = pki_csr_verify(e->csr, &reason);
	if (!rc)
		rc = pki_csr_allowed(e->csr, &reason);
	return rc && reason ? store_refuse(e->call, rc, "%s", reason) : rc;
}

/* 1: this is a retry. */
static int check_public_key(struct enrolment *e, int64_t seconds)
{
	if (e->known_ca)
		return store_refuse(e->call, -EEXIST, "this public key is a signing certificate's");
	if (!e->known)
		return 0;
	if (e->known_revoked)
		return store_refuse(e->call, -EEXIST,
			"this public key's certificate has been revoked; make a new key pair");
	if (e->known_key != e->key)
		return store_refuse(e->call, -EEXIST,
			"this public key has enrolled with another provisioning key");
	if (e->wanted && strcmp(e->wanted, e->known_name) != 0)
		return store_refuse(
			e->call, -EEXIST, "this public key has enrolled as %s", e->known_name);
	if (e->known_not_after <= seconds)
		return store_refuse(e->call, -EKEYEXPIRED,
			"this public key's certificate has expired; make a new key pair");
	return 1;
}

static int check_use(struct enrolment *e, int64_t seconds)
{
	if (e->cert_not_after <= seconds || e->cert_not_before > seconds)
		return store_refuse(
			e->call, -EKEYEXPIRED, "the signing certificate is not valid now");
	if (e->max_uses != STORE_UNLIMITED && e->uses >= e->max_uses)
		return store_refuse(e->call, -EDQUOT,
			"the provisioning key is used up: %" PRId64 " of %" PRId64
			" uses; raise max_uses",
			e->uses, e->max_uses);
	return 0;
}

/* --- the certificate --- */

static int try_name(struct enrolment *e, const char *name, int64_t seconds)
{
	struct db_conn *conn = db_reader(e->store->db);
	struct store_object group = {.kind = STORE_GROUP, .place = e->place};
	char path[STORE_PATH];
	int64_t one;

	memcpy(group.name, e->group_name, sizeof(group.name));
	store_path(&group, path);
	snprintf(e->member, sizeof(e->member), "%s", name);
	snprintf(e->uri, sizeof(e->uri), "spiffe://%s/%s/%s", e->store->domain, path, name);
	if (!conn)
		return -EIO;
	int rc = db_each(conn, DB_ENROLL_NAME_TAKEN,
		DB_ARGS(DB_INT(e->group), DB_TEXT(name), DB_TEXT(e->uri), DB_INT(seconds)),
		read_first_int, &one);
	return rc > 0 ? -EEXIST : rc;
}

/* The CN if it can be had, else it or the key's name with a part of the public key's hash. */
static int choose_name(struct enrolment *e, int64_t seconds)
{
	const char *wanted = e->wanted ? e->wanted : pki_csr_common_name(e->csr);
	char hex[9], name[NAME_MAX_LEN + 1];
	int rc = -EEXIST;

	if (wanted && name_legal(wanted, strlen(wanted)))
		rc = try_name(e, wanted, seconds);
	else
		wanted = e->key_name;
	if (rc == -EEXIST && e->wanted)
		return store_refuse(e->call, rc, "the name %s is taken", wanted);
	if (rc != -EEXIST)
		return rc;
	hex_text(pki_csr_spki_hash(e->csr), 4, hex);
	snprintf(name, sizeof(name), "%.*s-%s", NAME_MAX_LEN - SUFFIX, wanted, hex);
	rc = try_name(e, name, seconds);
	return rc == -EEXIST ? store_refuse(e->call, rc, "the name %s is taken", name) : rc;
}

static int sign(struct enrolment *e, int64_t seconds)
{
	char hex[33], dns[sizeof(hex) + DOMAIN_MAX_LEN + 1];
	struct pki_leaf leaf = {
		.common_name = e->member,
		.unit = e->group_name,
		.organization = e->store->domain,
		.uri = e->uri,
		.dns = dns,
	};

	if (!e->signer->ca)
		return store_refuse(e->call, -EIO, "the signing certificate has no private key");
	hex_text(pki_csr_spki_hash(e->csr), 16, hex);
	snprintf(dns, sizeof(dns), "%s.%s", hex, e->store->domain);
	leaf.spki = pki_csr_spki(e->csr, &leaf.spki_len);
	e->not_before = seconds - CLOCK_SKEW;
	e->not_after = seconds + e->validity_days * DAY;
	if (e->not_after > e->cert_not_after)
		e->not_after = e->cert_not_after;
	leaf.not_before = e->not_before;
	leaf.not_after = e->not_after;
	int rc = pki_serial(e->serial);
	if (rc)
		return rc;
	memcpy(leaf.serial, e->serial, PKI_SERIAL);
	bytes_free(&e->der);
	return pki_issue(e->signer->ca, &leaf, &e->der);
}

static int add_reply(struct enrolment *e, const void *der, size_t len, struct bytes *reply)
{
	int rc = pki_pem(PKI_LABEL_CERTIFICATE, der, len, reply);

	return rc ? rc : bytes_add(reply, e->signer->chain.data, e->signer->chain.len);
}

static int read_der(const struct db_row *row, void *arg)
{
	size_t len;
	const void *der = db_blob(row, 0, &len);

	return bytes_add(arg, der, len);
}

/* Its certificate, if it may still have it: something may have changed during the checks. */
static int reply_again(struct enrolment *e, struct bytes *reply)
{
	struct db_conn *conn = db_reader(e->store->db);
	CLEANUP_BYTES struct bytes der = {0};
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = conn ? db_each(conn, DB_ENROLL_AGAIN, DB_ARGS(DB_INT(e->known), DB_INT(seconds)),
				read_der, &der)
		      : -EIO;

	if (rc <= 0)
		return rc < 0 ? rc : -EAGAIN;
	return add_reply(e, der.data, der.len, reply);
}

int enrolment_prepare(struct enrolment *e, struct bytes *reply)
{
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = look_at_key(e);

	if (rc == -ESTALE && e->with_text)
		return unknown_key(e);
	if (!rc)
		rc = look_at_public_key(e);
	if (!rc)
		rc = check_root(e);
	if (!rc)
		rc = check_switches(e, seconds);
	if (!rc)
		rc = check_csr(e);
	if (!rc)
		rc = check_public_key(e, seconds);
	if (rc > 0) {
		rc = reply_again(e, reply);
		return rc ? rc : 1;
	}
	if (!rc)
		rc = check_use(e, seconds);
	if (!rc && e->store->read_only)
		rc = store_refuse(e->call, -EROFS, "mounted read-only");
	if (!rc)
		rc = choose_name(e, seconds);
	return rc ? rc : sign(e, seconds);
}

/* --- counting and storing --- */

static int spend(struct db_conn *conn, const struct enrolment *e, int64_t now)
{
	int rc = db_run(conn, DB_ENROLL_SPEND,
		DB_ARGS(DB_INT(e->key), DB_INT(now), DB_INT(now / CLOCK_SECOND), DB_INT(e->cert),
			DB_INT(e->validity_days), DB_TEXT(e->group_name),
			DB_BLOB(pki_csr_spki_hash(e->csr), PKI_HASH), DB_TEXT(e->member),
			DB_TEXT(e->uri)));

	return rc < 0 ? rc : rc == 0 ? -EAGAIN : 0;
}

static int add_member(struct db_conn *conn, const struct enrolment *e, int64_t now)
{
	size_t csr_len;
	const unsigned char *csr = pki_csr_der(e->csr, &csr_len);
	int rc = db_run(conn, DB_MEMBER_ADD,
		DB_ARGS(DB_TEXT(e->member), DB_INT(e->key), DB_INT(now), DB_INT(e->call->uid)));

	if (rc < 0)
		return rc;
	rc = db_run(conn, DB_ISSUED_ADD,
		DB_ARGS(DB_INT(db_inserted(conn)), DB_INT(e->key), DB_INT(e->cert), DB_INT(1),
			DB_BLOB(e->serial, PKI_SERIAL),
			DB_BLOB(pki_csr_spki_hash(e->csr), PKI_HASH), DB_TEXT(e->uri),
			DB_BLOB(e->der.data, e->der.len), DB_BLOB(csr, csr_len), DB_INT(now),
			DB_INT(e->not_before), DB_INT(e->not_after)));
	return rc < 0 ? rc : 0;
}

static int commit_job(struct db_conn *conn, void *arg)
{
	const struct enrolment *e = arg;
	struct store_object member = {.kind = STORE_MEMBER, .place = e->place, .parent = e->group};
	int64_t now = clock_now();
	char path[STORE_PATH];
	int rc = spend(conn, e, now);

	if (!rc)
		rc = add_member(conn, e, now);
	if (!rc)
		rc = db_run(conn, DB_CERT_ISSUED, DB_ARGS(DB_INT(e->cert), DB_INT(now)));
	if (rc >= 0)
		rc = object_touch_list(conn, &member, now);
	if (rc < 0)
		return rc;
	memcpy(member.group_name, e->group_name, sizeof(member.group_name));
	memcpy(member.name, e->member, sizeof(member.name));
	store_path(&member, path);
	return audit_add(conn, e->call, now,
		&(struct audit){
			.action = "enroll",
			.object = path,
			.name = "provisioning_key",
			.value = e->key_name,
		});
}

int enrolment_commit(struct enrolment *e, struct bytes *reply)
{
	/* What is answered is made before it is counted: nothing can fail behind the commit. */
	CLEANUP_BYTES struct bytes answer = {0};
	int rc = add_reply(e, e->der.data, e->der.len, &answer);

	if (!rc)
		rc = store_submit(e->store, e->call, commit_job, e);
	if (!rc)
		bytes_swap(reply, &answer);
	return rc;
}

static void log_refusal(const struct enrolment *e, int error)
{
	struct store_object key = {.kind = STORE_KEY, .place = e->place};
	char path[STORE_PATH];

	if (!e->recognised) {
		refusal_log_stranger(e->call, error);
		return;
	}
	memcpy(key.group_name, e->group_name, sizeof(key.group_name));
	memcpy(key.name, e->key_name, sizeof(key.name));
	store_path(&key, path);
	refusal_log(e->call, path, error);
}

int store_enroll(struct store *store, struct store_call *call, int64_t key, const char *member,
	const void *data, size_t len, struct bytes *reply)
{
	struct enrolment e = {.store = store, .call = call, .key = key, .wanted = member};
	int rc = enrolment_begin(&e, data, len);

	if (!rc)
		rc = -EAGAIN;
	for (int round = 0; round < ROUNDS && rc == -EAGAIN; round++) {
		rc = enrolment_prepare(&e, reply);
		if (!rc)
			rc = enrolment_commit(&e, reply);
	}
	if (rc == -EAGAIN)
		rc = store_refuse(call, -EIO, "the key, its group or certificate kept changing");
	if (rc < 0)
		log_refusal(&e, rc);
	enrolment_end(&e);
	return rc < 0 ? rc : 0;
}
