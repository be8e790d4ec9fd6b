/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/base/report.h"
#include "store/pki/internal.h"

void pki_oid(struct der *der, int nid)
{
	const ASN1_OBJECT *object = OBJ_nid2obj(nid);

	der_element(der, DER_OID, OBJ_get0_data(object), OBJ_length(object));
}

/* --- extensions (RFC 5280 4.2) --- */

struct pki_extension pki_extension_begin(struct der *der, int nid, bool critical)
{
	struct pki_extension at = {.whole = der_begin(der, DER_SEQUENCE)};

	pki_oid(der, nid);
	if (critical) /* DEFAULT FALSE */
		der_element(der, DER_BOOLEAN, "\xff", 1);
	at.value = der_begin(der, DER_OCTET_STRING);
	return at;
}

void pki_extension_end(struct der *der, struct pki_extension at)
{
	der_end(der, at.value);
	der_end(der, at.whole);
}

void pki_extension(
    struct der *der, int nid, bool critical, const void *value, size_t len)
{
	struct pki_extension at = pki_extension_begin(der, nid, critical);

	der_raw(der, value, len);
	pki_extension_end(der, at);
}

void pki_subject_key_id(struct der *der, const unsigned char *id, size_t len)
{
	struct pki_extension at = pki_extension_begin(
	    der, NID_subject_key_identifier, false);

	der_element(der, DER_OCTET_STRING, id, len);
	pki_extension_end(der, at);
}

void pki_authority_key_id(struct der *der, const struct pki_ca *issuer)
{
	enum { KEY_IDENTIFIER = DER_CONTEXT + 0 };
	struct pki_extension at = pki_extension_begin(
	    der, NID_authority_key_identifier, false);
	size_t id = der_begin(der, DER_SEQUENCE);

	der_element(der, KEY_IDENTIFIER, issuer->key_id, issuer->key_id_len);
	der_end(der, id);
	pki_extension_end(der, at);
}

void pki_alternative_names(struct der *der, const char *uri, const char *dns,
    const struct pki_name *name, int n)
{
	/* GeneralName, a CHOICE of IMPLICIT IA5Strings and an OCTET STRING */
	enum {
		DNS_NAME = DER_CONTEXT + 2,
		URI = DER_CONTEXT + 6,
		IP_ADDRESS = DER_CONTEXT + 7,
	};
	struct pki_extension at = pki_extension_begin(
	    der, NID_subject_alt_name, false);
	size_t names = der_begin(der, DER_SEQUENCE);

	if (uri)
		der_text(der, URI, uri);
	if (dns)
		der_text(der, DNS_NAME, dns);
	for (; n; n--, name++)
		der_element(der,
		    name->type == PKI_NAME_DNS ? DNS_NAME : IP_ADDRESS,
		    name->at, name->len);
	der_end(der, names);
	pki_extension_end(der, at);
}

/* --- signing --- */

/*
 * What was signed is verified before anybody sees it: a fault of the machine
 * shows, and does not give away the key (an RSA signature with one wrong prime
 * does).
 */
static bool verify_digest(const struct pki_ca *ca, const unsigned char *hash,
    const unsigned char *signature, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(ca->verify);
	bool holds = ctx && EVP_PKEY_verify(ctx, signature, len, hash,
				(size_t)EVP_MD_get_size(ca->digest)) == 1;

	EVP_PKEY_CTX_free(ctx);
	return holds;
}

static bool verify_message(const struct pki_ca *ca, const struct bytes *data,
    const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool holds = ctx && EVP_MD_CTX_copy_ex(ctx, ca->verify_message) == 1 &&
		     EVP_DigestVerify(
			 ctx, signature, len, data->data, data->len) == 1;

	EVP_MD_CTX_free(ctx);
	return holds;
}

static int does_not_verify(void)
{
	int rc = pki_drain(-EIO);

	if (rc == -EIO)
		report(LOG_ERR,
		    "a signature that was just made does not verify, and is not used: is this machine's memory sound?");
	return rc;
}

/* These sign `data` into `out`, of *len bytes. Return 0, -EIO or -ENOMEM. */

static int sign_digest(const struct pki_ca *ca, const struct bytes *data,
    unsigned char *out, size_t *len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t most = *len;
	int rc = pki_hash(ca->digest, data->data, data->len, hash);

	if (rc)
		return rc;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(ca->sign);
	bool done = ctx && EVP_PKEY_sign(ctx, out, len, hash,
			       (size_t)EVP_MD_get_size(ca->digest)) == 1;
	EVP_PKEY_CTX_free(ctx);
	/* out of memory, ECDSA_sign(3) succeeds with a length of -1 */
	if (!done || *len > most)
		return pki_failed("signing");
	return verify_digest(ca, hash, out, *len) ? 0 : does_not_verify();
}

static int sign_message(const struct pki_ca *ca, const struct bytes *data,
    unsigned char *out, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_MD_CTX_copy_ex(ctx, ca->sign_message) == 1 &&
		    EVP_DigestSign(ctx, out, len, data->data, data->len) == 1;

	EVP_MD_CTX_free(ctx);
	if (!done)
		return pki_failed("signing");
	return verify_message(ca, data, out, *len) ? 0 : does_not_verify();
}

int pki_signed(
    const struct pki_ca *ca, const struct bytes *signed_der, struct bytes *out)
{
	/* as large as an RSA key of 8192 bits makes it */
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	struct der der = {.out = out};
	int rc = ca->digest ? sign_digest(ca, signed_der, signature, &len)
			    : sign_message(ca, signed_der, signature, &len);

	if (rc)
		return rc;
	size_t at = der_begin(&der, DER_SEQUENCE);
	der_raw(&der, signed_der->data, signed_der->len);
	der_raw(&der, ca->algorithm.data, ca->algorithm.len);
	der_bit_string(&der, signature, len);
	der_end(&der, at);
	return der.rc;
}

/* --- certificates --- */

/* RFC 5280 4.1.2 */
static void write_tbs(
    struct der *der, const struct pki_tbs *tbs, const struct pki_ca *issuer)
{
	static const unsigned char version_3[] = {DER_INTEGER, 1, 2};
	size_t at = der_begin(der, DER_SEQUENCE);

	der_element(der, DER_EXPLICIT + 0, version_3, sizeof(version_3));
	der_unsigned(der, tbs->serial, PKI_SERIAL);
	der_raw(der, issuer->algorithm.data, issuer->algorithm.len);
	der_raw(der, issuer->subject.data, issuer->subject.len);
	size_t validity = der_begin(der, DER_SEQUENCE);
	der_time(der, tbs->not_before);
	der_time(der, tbs->not_after);
	der_end(der, validity);
	der_raw(der, tbs->subject->data, tbs->subject->len);
	der_raw(der, tbs->spki, tbs->spki_len);
	size_t tagged = der_begin(der, DER_EXPLICIT + 3);
	der_element(
	    der, DER_SEQUENCE, tbs->extensions->data, tbs->extensions->len);
	der_end(der, tagged);
	der_end(der, at);
}

int pki_certificate(
    const struct pki_tbs *tbs, const struct pki_ca *issuer, struct bytes *out)
{
	CLEANUP_BYTES struct bytes inner = {0};
	struct der der = {.out = &inner};

	write_tbs(&der, tbs, issuer);
	return der.rc ? der.rc : pki_signed(issuer, &inner, out);
}

/* --- members' certificates --- */

/* 4.2.1.12 */
static void write_purposes(struct der *der, unsigned usages)
{
	struct pki_extension at = pki_extension_begin(
	    der, NID_ext_key_usage, false);
	size_t list = der_begin(der, DER_SEQUENCE);

	if (usages & PKI_CLIENT_AUTH)
		pki_oid(der, NID_client_auth);
	if (usages & PKI_SERVER_AUTH)
		pki_oid(der, NID_server_auth);
	der_end(der, list);
	pki_extension_end(der, at);
}

/* Whether all are of types that a member's certificate may have beside ours. */
static bool names_fit(const struct pki_leaf *leaf)
{
	for (int i = 0; i < leaf->names; i++)
		if (leaf->name[i].type != PKI_NAME_DNS &&
		    leaf->name[i].type != PKI_NAME_IP)
			return false;
	return true;
}

static int write_leaf_extensions(
    struct der *der, const struct pki_ca *ca, const struct pki_leaf *leaf)
{
	/* SEQUENCE {}: cA FALSE is the default (4.2.1.9) */
	static const unsigned char not_ca[] = {0x30, 0x00};
	/* BIT STRING: digitalSignature is bit 0 (4.2.1.3), keyEncipherment bit
	 * 2. NSS refuses a server's RSA key without the latter. */
	static const unsigned char usage[] = {0x03, 0x02, 0x07, 0x80};
	static const unsigned char rsa_usage[] = {0x03, 0x02, 0x05, 0xa0};
	unsigned char key_id[PKI_KEY_ID];
	int rc = pki_key_id(leaf->spki, leaf->spki_len, key_id);

	pki_extension(der, NID_basic_constraints, true, not_ca, sizeof(not_ca));
	pki_extension(der, NID_key_usage, true,
	    pki_spki_is_rsa(leaf->spki, leaf->spki_len) ? rsa_usage : usage,
	    sizeof(usage));
	write_purposes(der, leaf->usages ? leaf->usages : PKI_USAGES);
	/* X.509-SVID 2: exactly one URI, the SPIFFE id */
	pki_alternative_names(
	    der, leaf->uri, leaf->dns, leaf->name, leaf->names);
	pki_subject_key_id(der, key_id, PKI_KEY_ID);
	pki_authority_key_id(der, ca);
	der_raw(der, ca->told.data, ca->told.len);
	return rc ? rc : der->rc;
}

/* One attribute of a distinguished name, as UTF8String (4.1.2.4). */
static void write_attribute(struct der *der, int nid, const char *text)
{
	size_t set = der_begin(der, DER_SET);
	size_t at = der_begin(der, DER_SEQUENCE);

	pki_oid(der, nid);
	der_text(der, DER_UTF8_STRING, text);
	der_end(der, at);
	der_end(der, set);
}

/* DER begins with the most general name; RFC 4514 2.1 writes it in reverse, as
 * CN=,OU=,O=. */
static void write_leaf_subject(struct der *der, const struct pki_leaf *leaf)
{
	size_t at = der_begin(der, DER_SEQUENCE);

	write_attribute(der, NID_organizationName, leaf->organization);
	write_attribute(der, NID_organizationalUnitName, leaf->unit);
	write_attribute(der, NID_commonName, leaf->common_name);
	der_end(der, at);
}

int pki_issue(
    const struct pki_ca *ca, const struct pki_leaf *leaf, struct bytes *der)
{
	CLEANUP_BYTES struct bytes subject = {0}, extensions = {0};
	struct der name = {.out = &subject}, list = {.out = &extensions};

	if (!names_fit(leaf)) {
		report(LOG_ERR,
		    "a name in a certificate is neither a DNS name nor an IP address");
		return -EIO;
	}
	int rc = write_leaf_extensions(&list, ca, leaf);
	write_leaf_subject(&name, leaf);
	if (!rc)
		rc = name.rc;
	if (!rc)
		rc = pki_certificate(
		    &(struct pki_tbs){
			.serial = leaf->serial,
			.not_before = leaf->not_before,
			.not_after = leaf->not_after,
			.spki = leaf->spki,
			.spki_len = leaf->spki_len,
			.subject = &subject,
			.extensions = &extensions,
		    },
		    ca, der);
	return pki_drain(rc);
}
