/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/issue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/histogram.h"
#include "store/enroll/alt_name.h"
#include "store/enroll/request.h"
#include "store/enrollment.h"
#include "store/internal.h"
#include "store/lists/metrics.h"
#include "store/objects/signer.h"

int issuance_split(struct issuance *i, enum store_request form,
    const void *data, size_t len, struct request *out)
{
	if (request_too_long(form, data, len))
		return store_refuse(i->call, -EFBIG,
		    "a request has at most %d bytes", STORE_REQUEST_MAX);
	const char *reason = NULL;
	int rc = request_split(form, data, len, out, &reason);
	return rc && reason ? store_refuse(i->call, rc, "%s", reason) : rc;
}

void issuance_parse(struct issuance *i, const void *csr, size_t len)
{
	i->csr_error = pki_csr_parse(csr, len, &i->csr, &i->csr_reason);
}

void issuance_end(struct issuance *i)
{
	pki_csr_free(i->csr);
	signer_put(i->signer);
	bytes_free(&i->der);
	bytes_free(&i->present);
	limits_free(&i->limits);
}

/* --- public keys with a certificate --- */

static int read_known(const struct db_row *row, void *arg)
{
	struct known_key *known = arg;

	known->id = db_int(row, 0);
	known->key = db_int(row, 1);
	known->cert = db_int(row, 2);
	known->not_after = db_int(row, 3);
	known->revoked = db_int(row, 4);
	db_text(row, 5, known->name, sizeof(known->name));
	known->member = db_int(row, 6);
	known->first = db_int(row, 7);
	return 1;
}

int known_key_find(
    struct store *store, const unsigned char *spki_hash, struct known_key *out)
{
	struct db_conn *conn = db_reader(store->db);

	*out = (struct known_key){0};
	return db_each(conn, DB_ENROLL_KNOWN,
	    DB_ARGS(DB_BLOB(spki_hash, PKI_HASH)), read_known, out);
}

int issuance_find_known(struct issuance *i)
{
	i->known = (struct known_key){0};
	i->known_ca = i->compromised = false;
	if (!i->csr)
		return 0;
	const unsigned char *hash = pki_csr_spki_hash(i->csr);
	if (!i->exact)
		return recent_has(&i->store->issued, hash, PKI_HASH) ? -EAGAIN
								     : 0;
	int rc = known_key_find(i->store, hash, &i->known);
	if (!rc)
		rc = db_exists(db_reader(i->store->db), DB_CERT_KNOWN,
		    DB_ARGS(DB_BLOB(hash, PKI_HASH)));
	i->known_ca = rc > 0;
	if (!rc && !i->known.id)
		rc = db_exists(db_reader(i->store->db), DB_COMPROMISED_HAS,
		    DB_ARGS(DB_BLOB(hash, PKI_HASH)));
	i->compromised = rc > 0 && !i->known_ca;
	if (i->known.id || i->known_ca)
		recent_note(&i->store->issued, hash, PKI_HASH);
	return rc < 0 ? rc : 0;
}

bool issuance_seen_names(const struct issuance *i)
{
	return recent_has(&i->store->issued, i->names, strlen(i->names));
}

void issuance_note_names(const struct issuance *i)
{
	recent_note(&i->store->issued, i->names, strlen(i->names));
}

void issuance_stored(const struct issuance *i)
{
	recent_note(&i->store->issued, pki_csr_spki_hash(i->csr), PKI_HASH);
	issuance_note_names(i);
}

/* --- checks --- */

/* The CSR is stored and shown as csr.pem: it must not hold a secret, such as a
 * provisioning key in a challengePassword, where SCEP has one. */
static int check_no_secret(struct issuance *i)
{
	size_t len;
	const unsigned char *der = pki_csr_der(i->csr, &len);

	return store_check_secret(i->store, i->call, der, len);
}

static int verify(struct issuance *i)
{
	int rc = pki_csr_verify(i->csr, &i->csr_reason);

	return rc ? rc : pki_csr_allowed(i->csr, &i->csr_reason);
}

int issuance_check_csr(struct issuance *i)
{
	int rc = i->csr_error;

	if (!rc && !i->csr_checked) {
		rc = check_no_secret(i);
		if (rc)
			return rc;
		rc = i->csr_error = verify(i);
		i->csr_checked = true;
	}
	return rc && i->csr_reason
		   ? store_refuse(i->call, rc, "%s", i->csr_reason)
		   : rc;
}

int issuance_check_known(struct issuance *i, int64_t seconds)
{
	if (i->known_ca)
		return store_refuse(i->call, -EEXIST,
		    "this public key is a signing certificate's");
	if (i->compromised)
		return store_refuse(i->call, -EEXIST,
		    "this public key has been compromised; make a new key pair");
	if (!i->known.id)
		return 0;
	if (i->known.revoked)
		return store_refuse(i->call, -EEXIST,
		    "this public key's certificate has been revoked; make a new key pair");
	if (i->known.not_after <= seconds)
		return store_refuse(i->call, -EKEYEXPIRED,
		    "this public key's certificate has expired; make a new key pair");
	return 0;
}

int issuance_check_switches(struct issuance *i)
{
	const char *off = !i->group_enabled  ? "group"
			  : !i->cert_enabled ? "signing certificate"
					     : NULL;

	return off ? store_refuse(
			 i->call, -EKEYREVOKED, "the %s is disabled", off)
		   : 0;
}

int issuance_check_cert(struct issuance *i, int64_t seconds)
{
	if (i->cert_not_after <= seconds || i->cert_not_before > seconds)
		return store_refuse(i->call, -EKEYEXPIRED,
		    "the signing certificate is not valid now");
	return 0;
}

/* --- the certificate --- */

int issuance_signer(struct issuance *i, int64_t cert)
{
	signer_put(i->signer);
	i->signer = NULL;
	return signer_get(i->store, cert, &i->signer);
}

void issuance_name(struct issuance *i, const char *name)
{
	struct store_object group = {.kind = STORE_GROUP, .place = i->place};
	char path[STORE_PATH];

	memcpy(group.name, i->group_name, sizeof(group.name));
	store_path(&group, path);
	snprintf(i->member, sizeof(i->member), "%s", name);
	snprintf(i->uri, sizeof(i->uri), "spiffe://%s/%s/%s", i->store->domain,
	    path, name);
	snprintf(i->names, sizeof(i->names), "%d/%s/%s", i->place,
	    i->group_name, name);
}

void issuance_path(const struct issuance *i, char out[STORE_PATH])
{
	struct store_object member = {.kind = STORE_MEMBER, .place = i->place};

	memcpy(member.group_name, i->group_name, sizeof(member.group_name));
	memcpy(member.name, i->member, sizeof(member.name));
	store_path(&member, out);
}

int issuance_sign(struct issuance *i, int64_t seconds)
{
	char dns[OUR_DNS];
	struct pki_leaf leaf = {
	    .common_name = i->member,
	    .unit = i->group_name,
	    .organization = i->store->domain,
	    .uri = i->uri,
	    .dns = dns,
	    .name = i->given.name,
	    .names = i->given.names,
	    .usages = i->given.usages,
	};

	if (!i->signer->ca)
		return store_refuse(i->call, -EIO,
		    "the signing certificate has no private key");
	alt_name_ours(i->store, pki_csr_spki_hash(i->csr), dns);
	leaf.spki = pki_csr_spki(i->csr, &leaf.spki_len);
	i->not_before = seconds - CERT_BACKDATE;
	i->not_after = seconds + i->validity_days * SECONDS_PER_DAY;
	if (i->lifetime && i->not_after > seconds + i->lifetime)
		i->not_after = seconds + i->lifetime;
	if (i->not_after > i->cert_not_after)
		i->not_after = i->cert_not_after;
	leaf.not_before = i->not_before;
	leaf.not_after = i->not_after;
	int rc = pki_serial(i->serial);
	if (rc)
		return rc;
	memcpy(leaf.serial, i->serial, PKI_SERIAL);
	bytes_free(&i->der);
	int64_t begun = clock_ticks();
	rc = pki_issue(i->signer->ca, &leaf, &i->der);
	histogram_add(&i->store->metrics.sign, clock_ticks() - begun);
	return rc ? rc
		  : signer_verify(
			i->store, i->call, i->signer, &i->der, seconds);
}

int issuance_reply(
    const struct issuance *i, const struct bytes *der, struct bytes *reply)
{
	const struct bytes *chain = i->knows_root ? &i->signer->chain
						  : signer_chain(i->signer);
	int rc = pki_pem(PKI_LABEL_CERTIFICATE, der->data, der->len, reply);

	return rc ? rc : bytes_add(reply, chain->data, chain->len);
}
