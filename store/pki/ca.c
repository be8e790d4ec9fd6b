/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/internal.h"

/* Signing certificates: opening, reading and signing them. */

static void clear_issuer(struct pki_ca *ca)
{
	EVP_MD_CTX_free(ca->signing);
	EVP_PKEY_free(ca->key);
	bytes_free(&ca->subject);
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

static int prepare_signing(struct pki_ca *ca)
{
	ca->signing = EVP_MD_CTX_new();
	return ca->signing &&
		       EVP_DigestSignInit(ca->signing, NULL,
			   pki_signing_digest(ca->key), NULL, ca->key) == 1
		   ? 0
		   : pki_failed("signing");
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

static int read_time(const ASN1_TIME *time, int64_t *out)
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
		rc = read_time(X509_get0_notBefore(x), &out->not_before);
	if (!rc)
		rc = read_time(X509_get0_notAfter(x), &out->not_after);
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
static int add_ca_extensions(STACK_OF(X509_EXTENSION) * list, int path_length)
{
	static const unsigned char usage[] = {0x03, 0x02, 0x01, 0x06};
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
	unsigned char *der = NULL;
	int rc = -ENOMEM;

	if (!basic)
		return rc;
	basic->ca = 0xff;
	if (path_length != PKI_NO_LIMIT) {
		basic->pathlen = ASN1_INTEGER_new();
		if (!basic->pathlen ||
		    ASN1_INTEGER_set(basic->pathlen, path_length) != 1)
			goto out;
	}
	int n = i2d_BASIC_CONSTRAINTS(basic, &der);
	if (n > 0)
		rc = pki_extension(
		    list, NID_basic_constraints, true, der, (size_t)n);
	if (!rc)
		rc = pki_extension(
		    list, NID_key_usage, true, usage, sizeof(usage));
out:
	OPENSSL_free(der);
	BASIC_CONSTRAINTS_free(basic);
	return rc;
}

/* Signs the certificate of self's key. */
static int certify(const struct pki_new_ca *want, const struct pki_ca *self,
    const struct pki_ca *issuer, X509_NAME *subject, struct bytes *out)
{
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	CLEANUP_BYTES struct bytes spki = {0};
	int rc = extensions ? 0 : -ENOMEM;

	if (!rc)
		rc = add_ca_extensions(extensions, want->path_length);
	/* X.509-SVID 3.2: a signing certificate carries the SPIFFE id of the
	 * trust domain. */
	if (!rc && want->uri)
		rc = pki_alternative_names(extensions, want->uri, NULL);
	if (!rc)
		rc = pki_subject_key_id(
		    extensions, self->key_id, self->key_id_len);
	if (!rc)
		rc = pki_authority_key_id(extensions, issuer);
	if (!rc)
		rc = pki_key_spki(self->key, &spki);
	if (!rc)
		rc = pki_certificate(
		    &(struct pki_tbs){
			.serial = want->serial,
			.not_before = want->not_before,
			.not_after = want->not_after,
			.spki = spki.data,
			.spki_len = spki.len,
			.subject = subject,
			.extensions = extensions,
		    },
		    issuer, out);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return rc;
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
		rc = certify(want, &self, issuer ? issuer : &self, subject, der);
	clear_issuer(&self);
	X509_NAME_free(subject);
	return pki_drain(rc);
}
