/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/internal.h"

/* Signing certificates: opening, reading and signing them. */

static void clear_issuer(struct pki_ca *ca)
{
	EVP_PKEY_CTX_free(ca->sign);
	EVP_MD_CTX_free(ca->sign_message);
	EVP_PKEY_CTX_free(ca->verify);
	EVP_MD_CTX_free(ca->verify_message);
	sk_X509_pop_free(ca->path, X509_free);
	EVP_PKEY_free(ca->key);
	bytes_free(&ca->algorithm);
	bytes_free(&ca->subject);
	bytes_free(&ca->told);
}

void pki_ca_free(struct pki_ca *ca)
{
	if (!ca)
		return;
	clear_issuer(ca);
	free(ca);
}

static int add_name(const X509_NAME *name, struct bytes *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(name, &der);
	int rc = n > 0 ? bytes_add(out, der, (size_t)n) : -ENOMEM;

	OPENSSL_free(der);
	return pki_drain(rc);
}

/* Sets the algorithm identifier of signatures with the key (RFC 3279 2.2, 5758
 * 3.2, 8410 3). */
static int set_algorithm(struct pki_ca *ca, int digest)
{
	static const unsigned char null[] = {0x05, 0x00};
	struct der der = {.out = &ca->algorithm};
	int type = EVP_PKEY_get_id(ca->key), nid = type;

	if (digest && OBJ_find_sigid_by_algs(&nid, digest, type) != 1)
		return pki_failed("signing");
	size_t at = der_begin(&der, DER_SEQUENCE);
	pki_oid(&der, nid);
	if (type == EVP_PKEY_RSA)
		der_raw(&der, null, sizeof(null));
	der_end(&der, at);
	return der.rc;
}

static bool prepare_digest(struct pki_ca *ca)
{
	ca->sign = EVP_PKEY_CTX_new(ca->key, NULL);
	ca->verify = EVP_PKEY_CTX_new(ca->key, NULL);
	return ca->sign && EVP_PKEY_sign_init(ca->sign) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ca->sign, ca->digest) == 1 &&
	       ca->verify && EVP_PKEY_verify_init(ca->verify) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ca->verify, ca->digest) == 1;
}

static bool prepare_message(struct pki_ca *ca)
{
	ca->sign_message = EVP_MD_CTX_new();
	ca->verify_message = EVP_MD_CTX_new();
	return ca->sign_message && ca->verify_message &&
	       EVP_DigestSignInit(
		   ca->sign_message, NULL, NULL, NULL, ca->key) == 1 &&
	       EVP_DigestVerifyInit(
		   ca->verify_message, NULL, NULL, NULL, ca->key) == 1;
}

static int prepare_signing(struct pki_ca *ca)
{
	int digest = pki_signing_digest(ca->key);

	ca->digest = digest ? pki_digest(digest) : NULL;
	if (digest ? !ca->digest || !prepare_digest(ca) : !prepare_message(ca))
		return pki_failed("signing");
	return set_algorithm(ca, digest);
}

/* Sets the fields of an issuer from its name; ca->key is set already. */
static int init_issuer(struct pki_ca *ca, const X509_NAME *name)
{
	CLEANUP_BYTES struct bytes spki = {0};
	int rc = add_name(name, &ca->subject);

	if (!rc)
		rc = pki_key_spki(ca->key, &spki);
	if (!rc)
		rc = pki_key_id(spki.data, spki.len, ca->key_id);
	if (!rc)
		rc = prepare_signing(ca);
	ca->key_id_len = PKI_KEY_ID;
	return rc;
}

int pki_ca_open(const void *cert, size_t cert_len, const void *key,
    size_t key_len, struct pki_ca **out)
{
	X509 *x = pki_x509(cert, cert_len);
	struct pki_ca *ca = calloc(1, sizeof(*ca));
	int rc = ca ? 0 : -ENOMEM;

	if (rc)
		goto out;
	ca->key = pki_key_in(key, key_len);
	if (!x || !ca->key || X509_check_private_key(x, ca->key) != 1) {
		rc = pki_drain(-EBADMSG);
		goto out;
	}
	rc = init_issuer(ca, X509_get_subject_name(x));
	/* RFC 5280 4.2.1.1: the authority key identifier is the issuer's subject
	 * key identifier, which an outside CA may compute differently. */
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(x);
	if (!rc && own && ASN1_STRING_length(own) > PKI_KEY_ID_MAX) {
		rc = -EBADMSG;
	} else if (!rc && own) {
		ca->key_id_len = (size_t)ASN1_STRING_length(own);
		memcpy(ca->key_id, ASN1_STRING_get0_data(own), ca->key_id_len);
	}
out:
	X509_free(x);
	rc = pki_drain(rc);
	if (rc)
		pki_ca_free(ca);
	else
		*out = ca;
	return rc;
}

/* --- reading --- */

int pki_time(const ASN1_TIME *time, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return pki_drain(-EBADMSG);
	*out = timegm(&tm);
	return 0;
}

static int read_serial(const X509 *x, struct pki_cert_info *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	size_t len = (size_t)ASN1_STRING_length(serial);

	/* RFC 5280 4.1.2.2: positive, at most 20 octets */
	if (!len || len > PKI_SERIAL_MAX ||
	    ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return -EBADMSG;
	memcpy(out->serial, ASN1_STRING_get0_data(serial), len);
	out->serial_len = len;
	return 0;
}

static int path_length(X509 *x)
{
	long n = X509_get_pathlen(x);

	return n < 0 || n > 255 ? PKI_NO_LIMIT : (int)n;
}

int pki_path_length(const void *der, size_t len, int *out)
{
	X509 *x = pki_x509(der, len);

	if (!x)
		return pki_drain(-EBADMSG);
	*out = path_length(x);
	X509_free(x);
	return pki_drain(0);
}

static int read_cert_info(const X509 *x, struct pki_cert_info *out)
{
	int rc = read_serial(x, out);

	if (!rc)
		rc = pki_time(X509_get0_notBefore(x), &out->not_before);
	if (!rc)
		rc = pki_time(X509_get0_notAfter(x), &out->not_after);
	return rc;
}

int pki_cert_info(const void *der, size_t len, struct pki_cert_info *out)
{
	X509 *x = pki_x509(der, len);
	int rc = x ? read_cert_info(x, out) : pki_drain(-EBADMSG);

	X509_free(x);
	return pki_drain(rc);
}

int pki_cert_subject(
    const void *der, size_t len, bool one_line, struct bytes *out)
{
	X509 *x = pki_x509(der, len);
	int rc;

	if (x && one_line) {
		char *text = X509_NAME_oneline(
		    X509_get_subject_name(x), NULL, 0);
		rc = text ? bytes_add(out, text, strlen(text) + 1)
			  : pki_drain(-ENOMEM);
		OPENSSL_free(text);
	} else {
		rc = x ? pki_name_text(X509_get_subject_name(x), out)
		       : pki_drain(-EBADMSG);
	}
	X509_free(x);
	return pki_drain(rc);
}

/* --- signing --- */

/* basicConstraints and keyUsage (keyCertSign, cRLSign), both critical: RFC 5280
 * 4.2.1.9, 4.2.1.3. */
static void write_ca_extensions(struct der *der, int path_length)
{
	static const unsigned char usage[] = {0x03, 0x02, 0x01, 0x06};
	unsigned char most = (unsigned char)path_length;
	struct pki_extension at = pki_extension_begin(
	    der, NID_basic_constraints, true);
	size_t basic = der_begin(der, DER_SEQUENCE);

	der_element(der, DER_BOOLEAN, "\xff", 1);
	if (path_length != PKI_NO_LIMIT)
		der_unsigned(der, &most, 1);
	der_end(der, basic);
	pki_extension_end(der, at);
	pki_extension(der, NID_key_usage, true, usage, sizeof(usage));
}

/* Signs the certificate of self's key. */
static int certify(const struct pki_new_ca *want, const struct pki_ca *self,
    const struct pki_ca *issuer, struct bytes *out)
{
	CLEANUP_BYTES struct bytes spki = {0}, extensions = {0};
	struct der der = {.out = &extensions};
	int rc = pki_key_spki(self->key, &spki);

	write_ca_extensions(&der, want->path_length);
	/* X.509-SVID 3.2: a signing certificate carries the SPIFFE id of the
	 * trust domain. */
	if (want->uri)
		pki_alternative_names(&der, want->uri, NULL, NULL, 0);
	pki_subject_key_id(&der, self->key_id, self->key_id_len);
	pki_authority_key_id(&der, issuer);
	der_raw(&der, issuer->told.data, issuer->told.len);
	if (rc || der.rc)
		return rc ? rc : der.rc;
	return pki_certificate(
	    &(struct pki_tbs){
		.serial = want->serial,
		.not_before = want->not_before,
		.not_after = want->not_after,
		.spki = spki.data,
		.spki_len = spki.len,
		.subject = &self->subject,
		.extensions = &extensions,
	    },
	    issuer, out);
}

int pki_ca_sign(const struct pki_new_ca *want, const void *key, size_t key_len,
    const struct pki_ca *issuer, struct bytes *der)
{
	const char *reason;
	struct pki_ca self = {.key = pki_key_in(key, key_len)};
	X509_NAME *subject = pki_name(want->subject, &reason);
	int rc = self.key && subject ? init_issuer(&self, subject)
				     : pki_drain(-EBADMSG);

	if (!rc)
		rc = certify(want, &self, issuer ? issuer : &self, der);
	clear_issuer(&self);
	X509_NAME_free(subject);
	return pki_drain(rc);
}

int pki_ca_cross(const struct pki_new_ca *want, const struct pki_ca *ca,
    const struct pki_ca *issuer, struct bytes *der)
{
	return pki_drain(certify(want, ca, issuer, der));
}
