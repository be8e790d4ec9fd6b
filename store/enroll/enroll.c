/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/enroll.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/enroll/grant.h"
#include "store/enroll/issue.h"
#include "store/enroll/request.h"
#include "store/enrollment.h"
#include "store/internal.h"
#include "store/lists/metrics.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/*
 * Enrollment: checks, then the signature, then one job that counts the use and
 * stores the certificate if all conditions hold (the claim).
 *
 * The first attempt reads nothing: the key's row is in memory, and the claim
 * finds out whether public key and name are new. If the checks or the claim
 * refuse, the next attempt checks against the present state, read in one view,
 * in the documented order (exact).
 */

enum {
	MAX_ATTEMPTS = 8, /* after concurrent changes */
	SUFFIX = 9,	  /* `-` and 8 hex digits */
	FEW = 64,	  /* uses that are left */
};

/* --- reading the key --- */

static int read_key_row(const struct db_row *row, void *arg)
{
	struct enrolment *e = arg;

	db_text(row, DB_ENROLL_KEY_NAME, e->key_name, sizeof(e->key_name));
	e->key_enabled = db_int(row, DB_ENROLL_KEY_ENABLED);
	e->expires = db_is_null(row, DB_ENROLL_EXPIRES)
			 ? STORE_NEVER
			 : db_int(row, DB_ENROLL_EXPIRES);
	e->max_uses = db_is_null(row, DB_ENROLL_MAX_USES)
			  ? STORE_UNLIMITED
			  : db_int(row, DB_ENROLL_MAX_USES);
	e->uses = db_int(row, DB_ENROLL_USES);
	e->i.group = db_int(row, DB_ENROLL_GROUP);
	db_text(row, DB_ENROLL_GROUP_NAME, e->i.group_name,
	    sizeof(e->i.group_name));
	e->i.place = (int)db_int(row, DB_ENROLL_PLACE);
	e->i.group_enabled = db_int(row, DB_ENROLL_GROUP_ENABLED);
	e->i.cert = db_int(row, DB_ENROLL_CERT);
	e->i.cert_enabled = db_int(row, DB_ENROLL_CERT_ENABLED);
	e->i.cert_not_before = db_int(row, DB_ENROLL_CERT_NOT_BEFORE);
	e->i.cert_not_after = db_int(row, DB_ENROLL_CERT_NOT_AFTER);
	e->i.validity_days = db_int(row, DB_ENROLL_VALIDITY_DAYS);
	e->i.limits.group_edits = db_int(row, DB_ENROLL_GROUP_LIMITS);
	e->i.limits.key_edits = db_int(row, DB_ENROLL_KEY_LIMITS);
	int rc = limits_read(
	    &e->i.limits, row, DB_ENROLL_OF_GROUP, DB_ENROLL_OF_KEY);
	return rc ? rc : 1;
}

/* Returns -ESTALE if the key has been deleted. */
static int read_key(struct enrolment *e)
{
	struct db_conn *conn = db_reader(e->i.store->db);
	int rc = db_one(conn, DB_ENROLL_KEY, DB_ARGS(DB_INT(e->key)),
	    read_key_row, e, -ESTALE);

	return rc == -ESTALE ? store_refuse(e->i.call, rc,
				   "the provisioning key has been deleted")
			     : rc;
}

/* --- authentication by the key's text --- */

static int refuse_unknown_key(struct enrolment *e)
{
	return store_refuse(e->i.call, -EKEYREJECTED,
	    "this provisioning key is not known here");
}

static int read_hash(const struct db_row *row, void *arg)
{
	size_t len;
	const void *hash = db_blob(row, 0, &len);

	if (len != PKI_HASH)
		return -EIO;
	memcpy(arg, hash, PKI_HASH);
	return 1;
}

static int compare_kept(const struct db_row *row, void *arg)
{
	const unsigned char *hash = arg;
	size_t len;
	const void *kept = db_blob(row, DB_ENROLL_SECRET_HASH, &len);

	return len == PKI_HASH && pki_equal(hash, kept, PKI_HASH) ? 0 : -ENOKEY;
}

/*
 * Returns 0, or -ENOKEY if the hash is not the key's. A caller without a key
 * must not learn which ids exist. So a hash that is not that of a row in memory
 * is looked up in the database, whether or not there is such a row: for an
 * unknown id the query returns zeros.
 */
static int compare_hash(struct enrolment *e, const unsigned char *hash)
{
	static const unsigned char zeros[PKI_HASH];
	unsigned char stored[PKI_HASH];
	struct db *db = e->i.store->db;
	int rc = db_kept(db, DB_ENROLL_KEY, e->key, compare_kept,
	    (void *)(uintptr_t)hash, -ENOKEY);

	if (!rc)
		return 0;
	rc = db_one(db_reader(db), DB_ENROLL_SECRET,
	    DB_ARGS(DB_INT(e->key), DB_BLOB(zeros, PKI_HASH)), read_hash,
	    stored, -EIO);
	return rc || pki_equal(hash, stored, PKI_HASH) ? rc : -ENOKEY;
}

/* Compares the text's secret, in constant time, and domain with the key's. */
static int authenticate(struct enrolment *e, const struct pki_key_text *text)
{
	unsigned char hash[PKI_HASH];
	int rc = pki_sha256(text->secret, PKI_SECRET, hash);

	if (!rc)
		rc = compare_hash(e, hash);
	if (rc == -ENOKEY ||
	    (!rc && strcmp(text->domain, e->i.store->domain) != 0))
		return refuse_unknown_key(e);
	if (rc)
		return rc;
	memcpy(e->root, text->root, PKI_HASH);
	e->authenticated = true;
	return 0;
}

static int authenticate_by_text(
    struct enrolment *e, const struct request *request)
{
	struct pki_key_text text;
	const char *reason;
	size_t end;
	int rc = pki_key_text_find(
	    request->key_text, request->key_len, &text, &end, &reason);

	if (rc <= 0) {
		rc = store_refuse(e->i.call, rc ? rc : -EBADMSG, "%s",
		    rc ? reason : "the provisioning key is not complete");
	} else {
		e->key = text.id;
		rc = authenticate(e, &text);
	}
	explicit_bzero(&text, sizeof(text));
	return rc;
}

int enrolment_begin(struct enrolment *e, const void *data, size_t len)
{
	struct request request;

	e->with_text = !e->key;
	if (!e->with_text) {
		int rc = read_key(e);
		if (rc)
			return rc;
		e->authenticated = true;
	}
	int rc = issuance_split(&e->i,
	    e->with_text ? STORE_KEY_AND_CSR : STORE_CSR, data, len, &request);
	if (rc)
		return rc;
	if (e->with_text)
		rc = authenticate_by_text(e, &request);
	if (!rc)
		issuance_parse(&e->i, request.csr, request.csr_len);
	return rc;
}

void enrolment_end(struct enrolment *e)
{
	issuance_end(&e->i);
}

/* --- the checks --- */

/* Whether the public key has a certificate that is returned again. */
static bool is_retry(const struct enrolment *e)
{
	return e->i.known.id && !e->i.known_ca && !e->i.known.revoked &&
	       e->i.known.key == e->key && !clock_past(e->i.known.not_after);
}

/* The machine trusts the root named in its key text: the certificate must chain
 * to it. */
static int check_root(struct enrolment *e)
{
	int rc = issuance_signer(
	    &e->i, is_retry(e) ? e->i.known.cert : e->i.cert);

	if (!rc && e->with_text &&
	    !pki_equal(e->root, e->i.signer->root, PKI_HASH))
		return store_refuse(e->i.call, -EKEYREJECTED,
		    "the key text names another root than the certificate would chain to; copy the key again");
	return rc;
}

static int check_key(struct enrolment *e)
{
	if (!e->key_enabled)
		return store_refuse(e->i.call, -EKEYREVOKED,
		    "the provisioning key is disabled");
	return issuance_check_switches(&e->i);
}

/* Returns 1 for a retry. */
static int check_public_key(struct enrolment *e, int64_t seconds)
{
	const struct known_key *known = &e->i.known;

	if (known->id && !known->revoked && known->key != e->key)
		return store_refuse(e->i.call, -EEXIST,
		    "this public key has enrolled with another provisioning key");
	if (known->id && !known->revoked && e->requested_name &&
	    strcmp(e->requested_name, known->name) != 0)
		return store_refuse(e->i.call, -EEXIST,
		    "this public key has enrolled as %s", known->name);
	int rc = issuance_check_known(&e->i, seconds);
	return rc ? rc : known->id != 0;
}

/* Checks for a new certificate only: a retry has spent its use already, so it
 * may follow the key's expiry or exhaustion. */
static int check_expiry(struct enrolment *e, int64_t seconds)
{
	if (e->expires != STORE_NEVER && e->expires <= seconds)
		return store_refuse(e->i.call, -EKEYEXPIRED,
		    "the provisioning key has expired");
	return 0;
}

static int check_use(struct enrolment *e, int64_t seconds)
{
	int rc = issuance_check_cert(&e->i, seconds);
	if (rc)
		return rc;
	if (e->max_uses != STORE_UNLIMITED && e->uses >= e->max_uses)
		return store_refuse(e->i.call, -EDQUOT,
		    "the provisioning key is used up: %" PRId64 " of %" PRId64
		    " uses; raise max_uses",
		    e->uses, e->max_uses);
	return 0;
}

/* --- the certificate --- */

/* Returns 0, -EEXIST (it is taken), or -EAGAIN (it may be, unless exact). */
static int try_name(struct enrolment *e, const char *name, int64_t seconds)
{
	struct db_conn *conn = db_reader(e->i.store->db);

	issuance_name(&e->i, name);
	if (!e->i.exact)
		return issuance_seen_names(&e->i) ? -EAGAIN : 0;
	int rc = db_exists(conn, DB_ENROLL_NAME_TAKEN,
	    DB_ARGS(DB_INT(e->i.group), DB_TEXT(name), DB_TEXT(e->i.names),
		DB_INT(seconds)));
	if (rc <= 0)
		return rc;
	issuance_note_names(&e->i);
	return -EEXIST;
}

/* Chooses the requested name, or the CSR's CN. A CN that is taken gets a suffix
 * from the public key's hash. So does the key's name, which replaces a CN that
 * is not a legal name. */
static int choose_name(struct enrolment *e, int64_t seconds)
{
	const char *base = e->requested_name ? e->requested_name
					     : pki_csr_common_name(e->i.csr);
	char hex[9], name[NAME_MAX_LEN + 1];
	int rc = -EEXIST;

	if (base && name_legal(base, strlen(base)))
		rc = try_name(e, base, seconds);
	else
		base = e->key_name;
	if (rc == -EEXIST && e->requested_name)
		return store_refuse(e->i.call, rc, "the name %s is taken", base);
	if (rc != -EEXIST)
		return rc;
	hex_text(pki_csr_spki_hash(e->i.csr), 4, hex);
	snprintf(
	    name, sizeof(name), "%.*s-%s", NAME_MAX_LEN - SUFFIX, base, hex);
	rc = try_name(e, name, seconds);
	return rc == -EEXIST
		   ? store_refuse(e->i.call, rc, "the name %s is taken", name)
		   : rc;
}

/* Replies to a retry with its certificate. -EAGAIN: it has been revoked or has
 * expired since the checks, or the key is disabled now. */
static int reply_again(struct enrolment *e, struct bytes *reply)
{
	struct db_conn *conn = db_reader(e->i.store->db);
	CLEANUP_BYTES struct bytes der = {0};
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = db_one(conn, DB_ENROLL_AGAIN,
	    DB_ARGS(DB_INT(e->i.known.id), DB_INT(seconds)), db_read_blob, &der,
	    -EAGAIN);

	if (!rc)
		rc = grant_check_again(&e->i, &der);
	return rc ? rc : issuance_reply(&e->i, &der, reply);
}

/*
 * Limits come before the signing certificate and the uses, the member's name
 * behind them, and a limit may depend on the name. So the name is chosen first,
 * and what that answered counts last. Returns as enrolment_prepare.
 */
static int check_new(struct enrolment *e, int64_t seconds)
{
	int named = choose_name(e, seconds);
	int rc = named && named != -EEXIST ? named : grant_check(&e->i);

	if (!rc)
		rc = check_use(e, seconds);
	if (!rc && e->i.store->read_only)
		rc = store_refuse(e->i.call, -EROFS, "mounted read-only");
	if (!rc && named)
		rc = choose_name(e, seconds);
	if (!rc && e->i.exact)
		rc = grant_check_alone(
		    &e->i, db_reader(e->i.store->db), 0, seconds);
	return rc;
}

/* Everything before the signature. Returns as enrolment_prepare. Unless exact,
 * an error may be another one, or none. */
static int check(struct enrolment *e, int64_t seconds, struct bytes *reply)
{
	int rc = read_key(e);

	if (rc == -ESTALE && e->with_text) {
		e->authenticated = false;
		return refuse_unknown_key(e);
	}
	if (!rc)
		rc = issuance_find_known(&e->i);
	if (!rc)
		rc = check_root(e);
	if (!rc)
		rc = check_key(e);
	if (!rc)
		rc = issuance_check_csr(&e->i);
	if (!rc)
		rc = check_public_key(e, seconds);
	if (rc > 0) {
		rc = reply_again(e, reply);
		return rc ? rc : 1;
	}
	if (!rc)
		rc = check_expiry(e, seconds);
	return rc ? rc : check_new(e, seconds);
}

static int check_exactly(
    struct enrolment *e, int64_t seconds, struct bytes *reply)
{
	struct db_conn *conn = db_view(e->i.store->db);

	e->i.exact = true;
	e->i.call->reason[0] = '\0';
	int rc = check(e, seconds, reply);
	db_view_end(conn);
	return rc;
}

int enrolment_prepare(struct enrolment *e, struct bytes *reply)
{
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = e->i.exact ? -EAGAIN : check(e, seconds, reply);

	if (rc < 0)
		rc = check_exactly(e, seconds, reply);
	return rc ? rc : issuance_sign(&e->i, seconds);
}

/* --- counting and storing --- */

/* Spends a use if everything that was checked still holds. */
static int count_use(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct enrolment *e = arg;
	int64_t now = batch->now;

	return db_must_change(conn, DB_ENROLL_SPEND,
	    DB_ARGS(DB_INT(e->key), DB_INT(now), DB_INT(now / CLOCK_SECOND),
		DB_INT(e->i.cert), DB_INT(e->i.validity_days),
		DB_TEXT(e->i.group_name),
		DB_BLOB(pki_csr_spki_hash(e->i.csr), PKI_HASH),
		DB_TEXT(e->i.member), DB_TEXT(e->i.names),
		DB_INT(e->i.limits.key_edits), DB_INT(e->i.limits.group_edits)),
	    -EAGAIN);
}

static int add_member(struct db_conn *conn, const struct enrolment *e,
    int64_t id, int64_t issued, int64_t now)
{
	size_t csr_len;
	const unsigned char *csr = pki_csr_der(e->i.csr, &csr_len);
	int rc = db_change(conn, DB_MEMBER_ADD,
	    DB_ARGS(DB_INT(id), DB_TEXT(e->i.member), DB_INT(e->key),
		DB_INT(now), DB_INT(e->i.call->uid), DB_INT(issued)));

	if (!rc)
		rc = shown_made(conn, STORE_MEMBER, id, now);
	return rc ? rc
		  : db_change(conn, DB_ISSUED_ADD,
			DB_ARGS(DB_INT(issued), DB_INT(id), DB_INT(e->key),
			    DB_INT(e->i.cert), DB_INT(1),
			    DB_BLOB(e->i.serial, PKI_SERIAL),
			    DB_BLOB(pki_csr_spki_hash(e->i.csr), PKI_HASH),
			    DB_TEXT(e->i.names),
			    DB_BLOB(e->i.der.data, e->i.der.len),
			    DB_BLOB(csr, csr_len), DB_INT(now),
			    DB_INT(e->i.not_before), DB_INT(e->i.not_after)));
}

static int record_member(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct enrolment *e = arg;
	int64_t id = db_new_id(batch, DB_MEMBER),
		before = batch->last_id[DB_ISSUED],
		issued = db_new_id(batch, DB_ISSUED), now = batch->now;
	char path[STORE_PATH];
	int rc = shown_used(conn, STORE_KEY, e->key, now);

	if (!rc)
		rc = add_member(conn, e, id, issued, now);
	if (!rc)
		rc = grant_add_names(&e->i, conn, issued);
	if (!rc)
		rc = signer_issued_member(conn, e->i.cert, before, issued, now);
	if (!rc)
		rc = db_change(conn, DB_GROUP_MEMBER_ADDED,
		    DB_ARGS(DB_INT(e->i.group), DB_INT(id), DB_INT(now)));
	if (rc)
		return rc;
	issuance_path(&e->i, path);
	return audit_add(conn, e->i.call, now,
	    &(struct audit){
		.action = "enroll",
		.object = path,
		.name = "provisioning_key",
		.value = e->key_name,
		.key = e->key,
		.issued = issued,
	    });
}

static const struct db_job enroll_job = {count_use, record_member};

/* With names that no other member may have: more than one statement decides. */
static int look_and_record(
    struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct enrolment *e = arg;
	int rc = grant_check_alone(&e->i, conn, 0, batch->now / CLOCK_SECOND);

	if (!rc)
		rc = count_use(conn, batch, arg);
	return rc ? rc == -EEXIST ? -EAGAIN : rc
		  : record_member(conn, batch, arg);
}

static const struct db_job enroll_named_job = {.record = look_and_record};

/* The row in memory has an older count of uses: where it may be the last one,
 * the next enrollment is to see that before it signs. */
static void forget_if_few_are_left(const struct enrolment *e)
{
	if (e->max_uses != STORE_UNLIMITED && e->max_uses - e->uses <= FEW)
		db_forget(e->i.store->db, DB_ENROLL_KEY, e->key);
}

int enrolment_commit(struct enrolment *e, struct bytes *reply)
{
	/* Render the reply before the commit: nothing may fail after it. */
	CLEANUP_BYTES struct bytes rendered = {0};
	int rc = issuance_reply(&e->i, &e->i.der, &rendered);

	if (!rc)
		rc = store_submit(e->i.store, e->i.call,
		    e->i.given.names ? &enroll_named_job : &enroll_job, e);
	if (rc == -EAGAIN) {
		e->i.exact = true;
		/* its count of uses may be an old one */
		db_forget(e->i.store->db, DB_ENROLL_KEY, e->key);
	}
	if (rc)
		return rc;
	issuance_stored(&e->i);
	forget_if_few_are_left(e);
	bytes_swap(reply, &rendered);
	return 0;
}

static void log_refusal(const struct enrolment *e, int error)
{
	struct store_object key = {.kind = STORE_KEY, .place = e->i.place};
	char path[STORE_PATH];

	if (!e->authenticated) {
		store_log_stranger(e->i.store, e->i.call, "enroll", error);
		return;
	}
	memcpy(key.group_name, e->i.group_name, sizeof(key.group_name));
	memcpy(key.name, e->key_name, sizeof(key.name));
	store_path(&key, path);
	store_log_refusal(e->i.store, e->i.call, "enroll", path, error);
}

int store_enroll(struct store *store, struct store_call *call, int64_t key,
    const char *member, const void *data, size_t len, struct bytes *reply)
{
	struct enrolment e = {.i = {.store = store, .call = call},
	    .key = key,
	    .requested_name = member};
	bool again = false;
	int rc = enrolment_begin(&e, data, len);

	if (!rc)
		rc = -EAGAIN;
	for (int attempt = 0; attempt < MAX_ATTEMPTS && rc == -EAGAIN;
	     attempt++) {
		rc = enrolment_prepare(&e, reply);
		again = rc == 1;
		if (!rc)
			rc = enrolment_commit(&e, reply);
	}
	if (rc == -EAGAIN)
		rc = store_refuse(call, -EIO,
		    "the key, its group or certificate kept changing");
	if (rc < 0)
		log_refusal(&e, rc);
	else
		metrics_event(store, again ? METRICS_AGAIN : METRICS_ENROLLED);
	if (rc >= 0 && !again && store->enrolled)
		store->enrolled(e.i.group, store->enrolled_arg);
	enrolment_end(&e);
	return rc < 0 ? rc : 0;
}
