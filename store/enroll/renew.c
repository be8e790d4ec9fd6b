/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/renew.h"

#include <errno.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/enroll/budget.h"
#include "store/enroll/grant.h"
#include "store/enroll/issue.h"
#include "store/enroll/leave.h"
#include "store/enroll/narrow.h"
#include "store/enroll/request.h"
#include "store/enrollment.h"
#include "store/internal.h"
#include "store/lists/metrics.h"
#include "store/objects/member.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/*
 * Renewal: a new certificate for a member's new key pair. The caller proves
 * possession of the present key, or has write access to the member's directory.
 * As in enroll.c, the statement that stores it repeats all conditions, and the
 * first attempt does not look for the CSR's public key and for the name.
 */

enum {
	MAX_ATTEMPTS = 8, /* after concurrent changes */
	MAX_VALID = 2,	  /* valid certificates of a member at a time */
};

/* --- authentication by proof --- */

/* Sets member and proven from the proof's key, which must have a valid
 * certificate. */
static int authenticate(struct renewal *r)
{
	struct known_key found = {0};
	int rc = renewal_prove(r, &found);

	if (rc)
		return rc;
	if (found.revoked)
		return store_refuse(r->i.call, -EKEYREVOKED,
		    "this member's certificate has been revoked");
	if (clock_past(found.not_after))
		return store_refuse(r->i.call, -EKEYEXPIRED,
		    "this member's certificate has expired; enrol again with a new key pair");
	return 0;
}

int renewal_begin(struct renewal *r, const void *data, size_t len)
{
	struct request request;

	r->by_proof = !r->member;
	int rc = issuance_split(&r->i,
	    r->by_proof ? STORE_CSR_AND_PROOF : STORE_CSR, data, len, &request);
	if (rc)
		return rc;
	issuance_parse(&r->i, request.csr, request.csr_len);
	if (r->by_proof)
		r->proof_error = pki_csr_parse(request.proof, request.proof_len,
		    &r->proof, &r->proof_reason);
	return 0;
}

/* --- the checks --- */

static int check_present(struct renewal *r, int64_t seconds)
{
	if (r->present_revoked)
		return store_refuse(r->i.call, -EKEYREVOKED,
		    "this member's certificate has been revoked");
	if (r->present_not_after <= seconds)
		return store_refuse(r->i.call, -EKEYEXPIRED,
		    "this member's certificate has expired; enrol again with a new key pair");
	return issuance_check_switches(&r->i);
}

/* Returns 1 for a retry: the CSR's key was renewed before. */
static int check_public_key(struct renewal *r, int64_t seconds)
{
	const struct known_key *known = &r->i.known;
	int rc = issuance_check_known(&r->i, seconds);

	if (rc)
		return rc;
	/* A replaced key may only retry: it gets no new certificate. */
	if (!known->id && r->proven != r->present)
		return store_refuse(r->i.call, -EKEYREJECTED,
		    "the proof's key has been replaced by a renewal: prove with the present one");
	if (!known->id)
		return 0;
	if (known->member != r->member)
		return store_refuse(r->i.call, -EEXIST,
		    "this public key has enrolled as another member");
	if (known->first)
		return store_refuse(r->i.call, -EEXIST,
		    "this public key has its certificate; renew with a new key pair");
	return 1;
}

static int reply_again(struct renewal *r, int64_t seconds, struct bytes *reply)
{
	CLEANUP_BYTES struct bytes der = {0};
	int rc = issuance_signer(&r->i, r->i.known.cert);

	if (!rc)
		rc = db_one(db_reader(r->i.store->db), DB_RENEW_AGAIN,
		    DB_ARGS(DB_INT(r->i.known.id), DB_INT(seconds)),
		    db_read_blob, &der, -EAGAIN);
	if (!rc)
		rc = grant_check_again(&r->i, &der);
	return rc ? rc : issuance_reply(&r->i, &der, reply);
}

static int check_name(struct renewal *r, int64_t seconds)
{
	struct db_conn *conn = db_reader(r->i.store->db);

	if (!r->i.exact)
		return 0;
	int rc = db_exists(conn, DB_RENEW_NAME_TAKEN,
	    DB_ARGS(DB_INT(r->member), DB_TEXT(r->i.names), DB_INT(seconds)));

	if (rc > 0)
		return store_refuse(r->i.call, -EEXIST,
		    "another member's certificate carries the name %s",
		    r->i.member);
	return rc;
}

/* Each renewal adds a revoked certificate to a list that all peers load: limits
 * the growth that one machine can cause. */
static int check_rate(struct renewal *r)
{
	struct db_conn *conn = db_reader(r->i.store->db);
	int64_t now = clock_now();
	int rc = db_exists(conn, DB_RENEW_RECENT,
	    DB_ARGS(DB_INT(r->member),
		DB_INT(now - SECONDS_PER_DAY * CLOCK_SECOND),
		DB_INT(STORE_RENEWALS_A_DAY), DB_INT(now)));

	if (rc > 0)
		return store_refuse(r->i.call, -ENOSPC,
		    "this member had %d certificates within a day",
		    STORE_RENEWALS_A_DAY);
	return rc;
}

/* Reads the member, and whether it may renew. */
static int check_member(struct renewal *r, int64_t seconds)
{
	int rc = r->by_proof ? authenticate(r) : 0;

	if (!rc)
		rc = renewal_read_member(r);
	return rc ? rc : check_present(r, seconds);
}

/* Names that the present certificate lacks have to be approved, which a renewal
 * cannot wait for. */
static int check_approval(struct renewal *r)
{
	return r->wants_approval && r->i.widens
		   ? store_refuse(r->i.call, -EPERM,
			 "names that the present certificate lacks have to be approved: enroll with a new key pair")
		   : 0;
}

/* Everything else before the signature. Returns as renewal_prepare. Unless
 * exact, an error may be another one, or none. */
static int check(struct renewal *r, int64_t seconds, struct bytes *reply)
{
	int rc = issuance_find_known(&r->i);

	if (!rc)
		rc = issuance_check_csr(&r->i);
	if (!rc)
		rc = check_public_key(r, seconds);
	if (rc > 0) {
		rc = reply_again(r, seconds, reply);
		return rc ? rc : 1;
	}
	if (!rc)
		rc = grant_check(&r->i);
	if (!rc)
		rc = check_approval(r);
	if (!rc)
		rc = issuance_check_cert(&r->i, seconds);
	if (!rc && r->i.store->read_only)
		rc = store_refuse(r->i.call, -EROFS, "mounted read-only");
	if (!rc)
		rc = check_name(r, seconds);
	if (!rc && r->i.exact)
		rc = grant_check_alone(
		    &r->i, db_reader(r->i.store->db), r->member, seconds);
	if (!rc)
		rc = check_rate(r);
	return rc ? rc : issuance_signer(&r->i, r->i.cert);
}

static int check_all(struct renewal *r, int64_t seconds, struct bytes *reply)
{
	int rc = check_member(r, seconds);

	if (rc)
		return rc;
	rc = r->i.exact ? -EAGAIN : check(r, seconds, reply);
	if (rc >= 0)
		return rc;
	r->i.exact = true;
	r->i.call->reason[0] = '\0';
	return check(r, seconds, reply);
}

int renewal_prepare(struct renewal *r, struct bytes *reply)
{
	int64_t seconds = clock_now() / CLOCK_SECOND;
	struct db_conn *conn = db_view(r->i.store->db);
	int rc = check_all(r, seconds, reply);

	db_view_end(conn);
	return rc ? rc : issuance_sign(&r->i, seconds);
}

/* --- storing --- */

/* Stores the certificate if everything that was checked still holds. */
static int add_certificate(
    struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct renewal *r = arg;
	const struct issuance *i = &r->i;
	int64_t now = batch->now;
	size_t len;
	const unsigned char *csr = pki_csr_der(i->csr, &len);

	r->before = batch->last_id[DB_ISSUED];
	r->issued = db_new_id(batch, DB_ISSUED);
	return db_must_change(conn, DB_RENEW_ADD,
	    DB_ARGS(DB_INT(r->issued), DB_INT(r->member), DB_INT(i->cert),
		DB_INT(i->validity_days), DB_TEXT(i->member),
		DB_TEXT(i->group_name), DB_BLOB(i->serial, PKI_SERIAL),
		DB_BLOB(pki_csr_spki_hash(i->csr), PKI_HASH), DB_TEXT(i->names),
		DB_BLOB(i->der.data, i->der.len), DB_BLOB(csr, len),
		DB_INT(now), DB_INT(i->not_before), DB_INT(i->not_after),
		DB_INT(now / CLOCK_SECOND), DB_INT(r->proven),
		DB_INT(i->limits.key_edits), DB_INT(i->limits.group_edits)),
	    -EAGAIN);
}

/* With certificates that are left as they are narrower, and with names. */
static int note_limits(
    const struct renewal *r, struct db_conn *conn, int64_t now)
{
	const struct issuance *i = &r->i;
	int rc = grant_add_names(i, conn, r->issued);

	/* this renewal revokes what was wider than the present one */
	if (!rc && r->narrowed)
		rc = narrow_drop(conn, r->present);
	if (!rc && (i->narrows || i->not_after < r->present_not_after))
		rc = narrow_add(conn, r->issued, now);
	return rc;
}

static int record_renewal(
    struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct renewal *r = arg;
	char path[STORE_PATH], serial[2 * PKI_SERIAL + 1];
	int64_t now = batch->now;
	int rc = db_change(conn, DB_MEMBER_RENEWED,
	    DB_ARGS(DB_INT(r->member), DB_INT(r->issued)));

	/* Revoke first (superseded, RFC 5280 5.3.1): a copy of the export may
	 * end between the two records. */
	if (!rc)
		rc = member_revoke(
		    conn, r->member, MAX_VALID, "superseded", now);
	if (rc >= 0)
		rc = note_limits(r, conn, now);
	if (!rc)
		rc = shown_used(conn, STORE_MEMBER, r->member, now);
	if (!rc)
		rc = signer_issued_member(
		    conn, r->i.cert, r->before, r->issued, now);
	if (rc < 0)
		return rc;
	issuance_path(&r->i, path);
	hex_text(r->i.serial, PKI_SERIAL, serial);
	return audit_add(conn, r->i.call, now,
	    &(struct audit){
		.action = "renew",
		.object = path,
		.name = "serial",
		.value = serial,
		.issued = r->issued,
	    });
}

static const struct db_job renew_job = {add_certificate, record_renewal};

/* With names that no other member may have: more than one statement decides. */
static int look_and_record(
    struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct renewal *r = arg;
	int rc = grant_check_alone(
	    &r->i, conn, r->member, batch->now / CLOCK_SECOND);

	if (!rc)
		rc = add_certificate(conn, batch, arg);
	return rc ? rc == -EEXIST ? -EAGAIN : rc
		  : record_renewal(conn, batch, arg);
}

static const struct db_job renew_named_job = {.record = look_and_record};

int renewal_commit(struct renewal *r, struct bytes *reply)
{
	/* Render the reply before the commit: nothing may fail after it. */
	CLEANUP_BYTES struct bytes rendered = {0};
	int rc = issuance_reply(&r->i, &r->i.der, &rendered);

	if (!rc)
		rc = store_submit(r->i.store, r->i.call,
		    r->i.given.names ? &renew_named_job : &renew_job, r);
	r->i.exact |= rc == -EAGAIN;
	if (rc)
		return rc;
	issuance_stored(&r->i);
	bytes_swap(reply, &rendered);
	return 0;
}

void renewal_end(struct renewal *r)
{
	pki_csr_free(r->proof);
	issuance_end(&r->i);
}

static void log_refusal(const struct renewal *r, int error)
{
	char path[STORE_PATH];

	if (!r->i.member[0]) {
		store_log_stranger(r->i.store, r->i.call, "renew", error);
		return;
	}
	issuance_path(&r->i, path);
	store_log_refusal(r->i.store, r->i.call, "renew", path, error);
}

/* Root can do anything. */
static bool is_limited(const struct renewal *r)
{
	return r->by_proof && r->i.call->uid != 0;
}

/* renewal_begin, unless the caller has proved nothing too often. */
static int begin(struct renewal *r, const void *data, size_t len)
{
	const struct store_call *call = r->i.call;

	r->by_proof = !r->member;
	if (is_limited(r) && len <= STORE_REQUEST_MAX &&
	    !budget_left(&r->i.store->unproven, call->uid, clock_ticks()))
		return store_refuse(r->i.call, -EBUSY,
		    "too many requests of this user proved nothing; try again in a few seconds");
	return renewal_begin(r, data, len);
}

/* The present certificate was proof: what is wider ends, also if the renewal is
 * refused. */
static void settle(const struct renewal *r, int rc)
{
	struct store_call call = *r->i.call;

	if (rc < 0 && r->by_proof && r->narrowed && r->proven == r->present &&
	    !r->i.store->read_only)
		narrow_settle(r->i.store, &call, r->present, r->member);
}

/* Not if the store failed, nor if the budget is what refused it. */
static bool lacks_proof(int rc)
{
	return rc == -EBADMSG || rc == -EKEYREJECTED || rc == -EINVAL ||
	       rc == -EFBIG;
}

/* Returns as renewal_prepare, or as leave. */
static int attempt_once(struct renewal *r, bool leaves, struct bytes *reply)
{
	if (leaves)
		return leave(r, reply);
	int rc = renewal_prepare(r, reply);
	return rc ? rc : renewal_commit(r, reply);
}

int store_renew(struct store *store, struct store_call *call, int64_t member,
    const void *data, size_t len, struct bytes *reply)
{
	struct renewal r = {
	    .i = {.store = store, .call = call}, .member = member};
	int64_t used = clock_thread();
	bool again = false;
	int rc = begin(&r, data, len);
	bool leaves = !rc && leave_is_asked(&r);

	if (!rc)
		rc = -EAGAIN;
	for (int attempt = 0; attempt < MAX_ATTEMPTS && rc == -EAGAIN;
	     attempt++) {
		rc = attempt_once(&r, leaves, reply);
		again = rc == 1;
	}
	if (rc == -EAGAIN)
		rc = store_refuse(call, -EIO,
		    "the member, its group or certificate kept changing");
	if (lacks_proof(rc) && is_limited(&r) && !r.member)
		budget_use(&store->unproven, call->uid, clock_ticks(),
		    clock_thread() - used);
	settle(&r, rc);
	if (rc < 0)
		log_refusal(&r, rc);
	else if (!leaves)
		metrics_event(store, again ? METRICS_AGAIN : METRICS_RENEWED);
	renewal_end(&r);
	return rc < 0 ? rc : 0;
}
