/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/internal.h"

static const struct algorithm {
	const char *name;
	const char *type;
	const char *curve;
	size_t bits;
} algorithms[] = {
	{"ec-p256", "EC", "P-256", 0},
	{"ec-p384", "EC", "P-384", 0},
	{"ed25519", "ED25519", NULL, 0},
	{"rsa-2048", "RSA", NULL, 2048},
	{"rsa-3072", "RSA", NULL, 3072},
	{"rsa-4096", "RSA", NULL, 4096},
};

static EVP_PKEY *generate(const char *algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		const struct algorithm *a = &algorithms[i];
		if (strcmp(a->name, algorithm) != 0)
			continue;
		if (a->curve)
			return EVP_PKEY_Q_keygen(NULL, NULL, a->type, a->curve);
		if (a->bits)
			return EVP_PKEY_Q_keygen(NULL, NULL, a->type, a->bits);
		return EVP_PKEY_Q_keygen(NULL, NULL, a->type);
	}
	return NULL;
}

void pki_ca_free(struct pki_ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	bytes_free(&ca->subject);
	free(ca);
}

static int add_name(const X509_NAME *name, struct bytes *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(name, &der);
	int rc = n > 0 ? bytes_add(out, der, (size_t)n) : -ENOMEM;

	OPENSSL_free(der);
	return rc;
}

static int spki_of(EVP_PKEY *key, struct bytes *out)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	int rc = n > 0 ? bytes_add(out, der, (size_t)n) : pki_failed("public key");

	OPENSSL_free(der);
	return rc;
}

static EVP_PKEY *private_key(const void *der, size_t len)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

int pki_ca_open(
	const void *cert, size_t cert_len, const void *key, size_t key_len, struct pki_ca **out)
{
	const unsigned char *p = cert;
	X509 *x = d2i_X509(NULL, &p, (long)cert_len);
	struct pki_ca *ca = calloc(1, sizeof(*ca));
	CLEANUP_BYTES struct bytes spki = {0};
	int rc = -ENOMEM;

	if (!ca)
		goto out;
	rc = -EBADMSG;
	ca->key = private_key(key, key_len);
	if (!x || !ca->key || X509_check_private_key(x, ca->key) != 1) {
		pki_drain();
		goto out;
	}
	rc = add_name(X509_get_subject_name(x), &ca->subject);
	if (!rc)
		rc = spki_of(ca->key, &spki);
	if (!rc)
		rc = pki_key_id(spki.data, spki.len, ca->key_id);
out:
	X509_free(x);
	if (rc)
		pki_ca_free(ca);
	else
		*out = ca;
	return rc;
}

void pki_made_free(struct pki_made *made)
{
	bytes_free(&made->key);
	bytes_free(&made->csr);
	bytes_free(&made->cert);
}

static int key_out(const EVP_PKEY *key, struct bytes *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	int rc = n > 0 ? bytes_add(out, der, (size_t)n) : pki_failed("private key");

	if (n > 0)
		OPENSSL_cleanse(der, (size_t)n);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

static int request_out(X509_NAME *subject, EVP_PKEY *key, struct bytes *out)
{
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int n = -1, rc;

	if (request && X509_REQ_set_subject_name(request, subject) == 1 &&
		X509_REQ_set_pubkey(request, key) == 1 &&
		X509_REQ_sign(request, key, pki_signing_digest(key)) > 0)
		n = i2d_X509_REQ(request, &der);
	rc = n > 0 ? bytes_add(out, der, (size_t)n) : pki_failed("certificate request");
	OPENSSL_free(der);
	X509_REQ_free(request);
	return rc;
}

/* RFC 5280 4.2.1.9: critical in a CA's certificate; 4.2.1.3: keyCertSign and cRLSign. */
static int add_ca_extensions(STACK_OF(X509_EXTENSION) * list, int path_length)
{
	static const unsigned char usage[] = {0x03, 0x02, 0x01, 0x06};
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
	unsigned char *der = NULL;
	int rc = -ENOMEM;

	if (!basic)
		return rc;
	basic->ca = 0xff;
	if (path_length >= 0) {
		basic->pathlen = ASN1_INTEGER_new();
		if (!basic->pathlen || ASN1_INTEGER_set(basic->pathlen, path_length) != 1)
			goto out;
	}
	int n = i2d_BASIC_CONSTRAINTS(basic, &der);
	if (n > 0)
		rc = pki_extension(list, NID_basic_constraints, true, der, (size_t)n);
	if (!rc)
		rc = pki_extension(list, NID_key_usage, true, usage, sizeof(usage));
out:
	OPENSSL_free(der);
	BASIC_CONSTRAINTS_free(basic);
	return rc;
}

/* Signs the certificate; self is who the new key would be as an issuer. */
static int certify(const struct pki_new_ca *want, const struct pki_ca *self,
	const struct pki_ca *issuer, X509_NAME *subject, struct pki_made *out)
{
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	CLEANUP_BYTES struct bytes spki = {0};
	int rc = extensions ? 0 : -ENOMEM;

	if (!rc)
		rc = add_ca_extensions(extensions, want->path_length);
	if (!rc)
		rc = pki_key_identifiers(extensions, self->key_id, issuer->key_id);
	if (!rc)
		rc = spki_of(self->key, &spki);
	if (!rc)
		rc = pki_sha256(spki.data, spki.len, out->spki_hash);
	if (!rc)
		rc = pki_certificate(
			&(struct pki_tbs){
				.serial = want->serial,
				.not_before = want->not_before,
				.not_after = want->not_after,
				.issuer = issuer->subject.data,
				.issuer_len = issuer->subject.len,
				.spki = spki.data,
				.spki_len = spki.len,
				.subject = subject,
				.extensions = extensions,
			},
			issuer->key, &out->cert);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return rc;
}

int pki_ca_make(const struct pki_new_ca *want, const struct pki_ca *issuer, struct pki_made *out)
{
	X509_NAME *subject = X509_NAME_new();
	struct pki_ca self = {.key = generate(want->algorithm)};
	CLEANUP_BYTES struct bytes spki = {0};
	int rc = subject && self.key ? 0 : -EINVAL;

	*out = (struct pki_made){0};
	pki_drain();
	if (!rc)
		rc = pki_name_add(subject, NID_organizationName, want->organization);
	if (!rc)
		rc = pki_name_add(subject, NID_commonName, want->common_name);
	if (!rc)
		rc = add_name(subject, &self.subject);
	if (!rc)
		rc = spki_of(self.key, &spki);
	if (!rc)
		rc = pki_key_id(spki.data, spki.len, self.key_id);
	if (!rc)
		rc = key_out(self.key, &out->key);
	if (!rc)
		rc = request_out(subject, self.key, &out->csr);
	if (!rc)
		rc = certify(want, &self, issuer ? issuer : &self, subject, out);
	EVP_PKEY_free(self.key);
	bytes_free(&self.subject);
	X509_NAME_free(subject);
	if (rc)
		pki_made_free(out);
	return rc;
}
