/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/internal.h"

int pki_name_add(X509_NAME *name, int nid, const char *text)
{
	return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
		   (const unsigned char *)text, -1, -1, 0) == 1
		   ? 0
		   : -ENOMEM;
}

int pki_extension(STACK_OF(X509_EXTENSION) * list, int nid, bool critical,
    const unsigned char *value, size_t len)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	int rc = -ENOMEM;

	if (octets && ASN1_OCTET_STRING_set(octets, value, (int)len) == 1)
		extension = X509_EXTENSION_create_by_NID(
		    NULL, nid, critical, octets);
	ASN1_OCTET_STRING_free(octets);
	if (extension && sk_X509_EXTENSION_push(list, extension) > 0)
		rc = 0;
	else
		X509_EXTENSION_free(extension);
	return rc;
}

int pki_subject_key_id(
    STACK_OF(X509_EXTENSION) * list, const unsigned char *id, size_t len)
{
	/* OCTET STRING */
	unsigned char der[2 + PKI_KEY_ID_MAX] = {0x04, (unsigned char)len};

	memcpy(der + 2, id, len);
	return pki_extension(
	    list, NID_subject_key_identifier, false, der, 2 + len);
}

int pki_authority_key_id(
    STACK_OF(X509_EXTENSION) * list, const struct pki_ca *issuer)
{
	/* SEQUENCE { [0] keyIdentifier } */
	size_t len = issuer->key_id_len;
	unsigned char der[4 + PKI_KEY_ID_MAX] = {
	    0x30, (unsigned char)(2 + len), 0x80, (unsigned char)len};

	memcpy(der + 4, issuer->key_id, len);
	return pki_extension(
	    list, NID_authority_key_identifier, false, der, 4 + len);
}

/* Sets the fields of RFC 5280 4.1.2, except those that tbs lends. */
static int fill_tbs(
    TBS_CERTIFICATE *to, const struct pki_tbs *tbs, const struct pki_ca *issuer)
{
	to->version = ASN1_INTEGER_new();
	if (!to->version || ASN1_INTEGER_set(to->version, 2) != 1)
		return -ENOMEM;
	BIGNUM *serial = BN_bin2bn(tbs->serial, PKI_SERIAL, NULL);
	ASN1_INTEGER *number = serial ? BN_to_ASN1_INTEGER(
					    serial, to->serial_number)
				      : NULL;
	BN_free(serial);
	/* ASN1_TIME_set: UTCTime until 2049, then GeneralizedTime (4.1.2.5). */
	if (!number ||
	    !ASN1_STRING_set(
		to->issuer, issuer->subject.data, (int)issuer->subject.len) ||
	    !ASN1_TIME_set(to->validity->notBefore, tbs->not_before) ||
	    !ASN1_TIME_set(to->validity->notAfter, tbs->not_after) ||
	    !ASN1_STRING_set(
		to->subject_public_key_info, tbs->spki, (int)tbs->spki_len))
		return -ENOMEM;
	return 0;
}

/* Sets the algorithm identifier of signatures with this key (RFC 3279 2.2, 5758
 * 3.2, 8410 3). */
static int set_algorithm(X509_ALGOR *algorithm, const EVP_PKEY *key)
{
	const EVP_MD *md = pki_signing_digest(key);
	int type = EVP_PKEY_get_id(key), nid = type;
	bool rsa = type == NID_rsaEncryption;

	if (md && OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(md), type) != 1)
		return pki_failed("signing");
	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid),
		   rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL)
		   ? 0
		   : -ENOMEM;
}

static int sign(const struct pki_ca *issuer, const unsigned char *tbs,
    size_t tbs_len, ASN1_BIT_STRING *out)
{
	size_t len = (size_t)EVP_PKEY_get_size(issuer->key);
	unsigned char *signature = OPENSSL_malloc(len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = signature && ctx &&
		 EVP_MD_CTX_copy_ex(ctx, issuer->signing) == 1 &&
		 EVP_DigestSign(ctx, signature, &len, tbs, tbs_len) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok) {
		OPENSSL_free(signature);
		return pki_failed("signing");
	}
	ASN1_STRING_set0(out, signature, (int)len);
	/* no unused bits */
	out->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	out->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	return 0;
}

/* Appends Certificate (RFC 5280 4.1): the signed bytes as they are, algorithm,
 * signature. */
static int assemble(const unsigned char *tbs, size_t tbs_len,
    const X509_ALGOR *algorithm, const ASN1_BIT_STRING *signature,
    struct bytes *der)
{
	int algorithm_len = i2d_X509_ALGOR(algorithm, NULL);
	int signature_len = i2d_ASN1_BIT_STRING(signature, NULL);

	if (algorithm_len <= 0 || signature_len <= 0)
		return pki_failed("signing");
	int inner = (int)tbs_len + algorithm_len + signature_len;
	int total = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
	size_t at = der->len;
	int rc = bytes_extend(der, (size_t)total);
	if (rc)
		return rc;
	unsigned char *p = der->data + at;
	ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, tbs, tbs_len);
	p += tbs_len;
	i2d_X509_ALGOR(algorithm, &p);
	i2d_ASN1_BIT_STRING(signature, &p);
	return 0;
}

int pki_certificate(
    const struct pki_tbs *tbs, const struct pki_ca *issuer, struct bytes *der)
{
	TBS_CERTIFICATE *inner = TBS_CERTIFICATE_new();
	ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
	unsigned char *encoded = NULL;
	int rc = inner && signature ? fill_tbs(inner, tbs, issuer) : -ENOMEM;

	if (!rc)
		rc = set_algorithm(inner->signature, issuer->key);
	if (rc)
		goto out;
	/* lent for the encoding only: the caller frees them */
	X509_NAME *own = inner->subject;
	inner->subject = tbs->subject;
	inner->extensions = tbs->extensions;
	int n = i2d_TBS_CERTIFICATE(inner, &encoded);
	inner->subject = own;
	inner->extensions = NULL;
	rc = n > 0 ? sign(issuer, encoded, (size_t)n, signature)
		   : pki_failed("encoding");
	if (!rc)
		rc = assemble(
		    encoded, (size_t)n, inner->signature, signature, der);
out:
	OPENSSL_free(encoded);
	ASN1_BIT_STRING_free(signature);
	TBS_CERTIFICATE_free(inner);
	return rc;
}

static int add_general_name(GENERAL_NAMES *names, int type, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	if (!name || !value || ASN1_STRING_set(value, text, -1) != 1 ||
	    sk_GENERAL_NAME_push(names, name) <= 0) {
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(value);
		return -ENOMEM;
	}
	GENERAL_NAME_set0_value(name, type, value);
	return 0;
}

int pki_alternative_names(
    STACK_OF(X509_EXTENSION) * list, const char *uri, const char *dns)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	unsigned char *der = NULL;
	int rc = -ENOMEM;

	if (!names)
		return rc;
	if ((!uri || !add_general_name(names, GEN_URI, uri)) &&
	    (!dns || !add_general_name(names, GEN_DNS, dns))) {
		int n = i2d_GENERAL_NAMES(names, &der);
		if (n > 0)
			rc = pki_extension(
			    list, NID_subject_alt_name, false, der, (size_t)n);
	}
	OPENSSL_free(der);
	GENERAL_NAMES_free(names);
	return rc;
}

static int add_leaf_extensions(STACK_OF(X509_EXTENSION) * list,
    const struct pki_ca *ca, const struct pki_leaf *leaf)
{
	/* SEQUENCE {}: cA FALSE is the default (4.2.1.9) */
	static const unsigned char not_ca[] = {0x30, 0x00};
	/* BIT STRING: digitalSignature is bit 0 (4.2.1.3), keyEncipherment bit
	 * 2. NSS refuses a server's RSA key without the latter. */
	static const unsigned char usage[] = {0x03, 0x02, 0x07, 0x80};
	static const unsigned char rsa_usage[] = {0x03, 0x02, 0x05, 0xa0};
	/* SEQUENCE { id-kp-clientAuth, id-kp-serverAuth } (4.2.1.12) */
	static const unsigned char purposes[] = {0x30, 0x14, 0x06, 0x08, 0x2b,
	    0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02, 0x06, 0x08, 0x2b, 0x06,
	    0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	unsigned char key_id[PKI_KEY_ID];
	int rc = pki_key_id(leaf->spki, leaf->spki_len, key_id);

	if (!rc)
		rc = pki_extension(
		    list, NID_basic_constraints, true, not_ca, sizeof(not_ca));
	if (!rc)
		rc = pki_extension(list, NID_key_usage, true,
		    pki_spki_is_rsa(leaf->spki, leaf->spki_len) ? rsa_usage
								: usage,
		    sizeof(usage));
	if (!rc)
		rc = pki_extension(
		    list, NID_ext_key_usage, false, purposes, sizeof(purposes));
	/* X.509-SVID 2: exactly one URI, the SPIFFE id */
	if (!rc)
		rc = pki_alternative_names(list, leaf->uri, leaf->dns);
	if (!rc)
		rc = pki_subject_key_id(list, key_id, PKI_KEY_ID);
	if (!rc)
		rc = pki_authority_key_id(list, ca);
	return rc;
}

/* DER begins with the most general name; RFC 4514 2.1 writes it in reverse, as
 * CN=,OU=,O=. */
static int leaf_subject(X509_NAME *name, const struct pki_leaf *leaf)
{
	int rc = pki_name_add(name, NID_organizationName, leaf->organization);

	if (!rc)
		rc = pki_name_add(name, NID_organizationalUnitName, leaf->unit);
	if (!rc)
		rc = pki_name_add(name, NID_commonName, leaf->common_name);
	return rc;
}

int pki_issue(
    const struct pki_ca *ca, const struct pki_leaf *leaf, struct bytes *der)
{
	X509_NAME *subject = X509_NAME_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	int rc = subject && extensions ? 0 : -ENOMEM;

	if (!rc)
		rc = leaf_subject(subject, leaf);
	if (!rc)
		rc = add_leaf_extensions(extensions, ca, leaf);
	if (!rc)
		rc = pki_certificate(
		    &(struct pki_tbs){
			.serial = leaf->serial,
			.not_before = leaf->not_before,
			.not_after = leaf->not_after,
			.spki = leaf->spki,
			.spki_len = leaf->spki_len,
			.subject = subject,
			.extensions = extensions,
		    },
		    ca, der);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_NAME_free(subject);
	return pki_drain(rc);
}
