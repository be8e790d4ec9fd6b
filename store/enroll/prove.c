/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/enroll/renew.h"
#include "store/internal.h"

/* Whose key made a proof, and what the store has of that member. */

/*
 * Checks the proof's signature and its reference to the CSR. Any caller can
 * send a proof with a key of any size, so the signature is verified only if the
 * key has a certificate from this store: that limits type, size and exponent.
 */
static int check_proof(struct renewal *r, bool known)
{
	struct store_call *call = r->i.call;
	const char *reason = NULL;
	int rc = known ? pki_csr_verify(r->proof, &reason) : 0;

	if (!rc)
		rc = pki_csr_strong(r->proof, &reason);
	if (rc)
		return reason ? store_refuse(call, rc, "the proof: %s", reason)
			      : rc;
	if (!r->i.csr)
		return issuance_check_csr(&r->i);
	rc = request_named_by(r->i.csr, r->proof);
	if (rc == -EKEYREJECTED)
		return store_refuse(call, rc,
		    "the proof's CN is not the SHA-256 of the first certificate request's DER in hex");
	return rc;
}

int renewal_prove(struct renewal *r, struct known_key *found)
{
	int rc = r->proof_error;

	if (rc && r->proof_reason)
		return store_refuse(
		    r->i.call, rc, "the proof: %s", r->proof_reason);
	if (!rc)
		rc = known_key_find(
		    r->i.store, pki_csr_spki_hash(r->proof), found);
	if (!rc)
		rc = check_proof(r, found->id != 0);
	if (rc)
		return rc;
	if (!found->id)
		return store_refuse(r->i.call, -EKEYREJECTED,
		    "the proof's key has no certificate from here");
	r->member = found->member;
	r->proven = found->id;
	return 0;
}

/* The limits, and the certificate that they are compared with. */
static int read_limits(struct renewal *r, const struct db_row *row)
{
	struct issuance *i = &r->i;
	size_t len;
	const void *blob = db_blob(row, DB_RENEW_PRESENT_SPKI, &len);

	if (blob && len <= PKI_HASH)
		memcpy(i->present_spki, blob, len);
	r->narrowed = db_int(row, DB_RENEW_NARROWED);
	r->wants_approval = db_int(row, DB_RENEW_APPROVAL);
	i->limits.group_edits = db_int(row, DB_RENEW_GROUP_LIMITS);
	i->limits.key_edits = db_int(row, DB_RENEW_KEY_LIMITS);
	blob = db_blob(row, DB_RENEW_PRESENT_DER, &len);
	i->present.len = 0;
	int rc = bytes_add(&i->present, blob, len);
	return rc ? rc
		  : limits_read(
			&i->limits, row, DB_RENEW_OF_GROUP, DB_RENEW_OF_KEY);
}

static int read_member_row(const struct db_row *row, void *arg)
{
	struct renewal *r = arg;
	struct issuance *i = &r->i;
	char name[NAME_MAX_LEN + 1];

	db_text(row, DB_RENEW_NAME, name, sizeof(name));
	i->group = db_int(row, DB_RENEW_GROUP);
	db_text(row, DB_RENEW_GROUP_NAME, i->group_name, sizeof(i->group_name));
	i->place = (int)db_int(row, DB_RENEW_PLACE);
	i->group_enabled = db_int(row, DB_RENEW_GROUP_ENABLED);
	r->present = db_int(row, DB_RENEW_PRESENT);
	if (!r->by_proof)
		r->proven = r->present;
	r->present_not_after = db_int(row, DB_RENEW_PRESENT_NOT_AFTER);
	r->present_revoked = db_int(row, DB_RENEW_PRESENT_REVOKED);
	i->cert = db_int(row, DB_RENEW_CERT);
	i->cert_enabled = db_int(row, DB_RENEW_CERT_ENABLED);
	i->cert_not_before = db_int(row, DB_RENEW_CERT_NOT_BEFORE);
	i->cert_not_after = db_int(row, DB_RENEW_CERT_NOT_AFTER);
	i->validity_days = db_int(row, DB_RENEW_VALIDITY_DAYS);
	issuance_name(i, name);
	int rc = read_limits(r, row);
	return rc ? rc : 1;
}

int renewal_read_member(struct renewal *r)
{
	struct db_conn *conn = db_reader(r->i.store->db);
	int rc = db_one(conn, DB_RENEW_MEMBER, DB_ARGS(DB_INT(r->member)),
	    read_member_row, r, -ESTALE);

	return rc == -ESTALE
		   ? store_refuse(r->i.call, rc, "the member has been deleted")
		   : rc;
}
