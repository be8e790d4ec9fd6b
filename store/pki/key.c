/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "store/pki/internal.h"

/* Key pairs of signing certificates, and requests for them. */

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

bool pki_key_algorithm(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return true;
	return false;
}

int pki_key_out(const EVP_PKEY *key, struct bytes *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	int rc = n > 0 ? bytes_add(out, der, (size_t)n)
		       : pki_failed("private key");

	if (n > 0)
		OPENSSL_cleanse(der, (size_t)n);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	return pki_drain(rc);
}

/* OpenSSL computes and caches an RSA key's Montgomery parameters, which hold
 * its primes, with the first signature: make it now, on the secure heap. */
static void precompute(EVP_PKEY *key)
{
	unsigned char hash[PKI_HASH] = {0}, signature[1024];
	size_t len = sizeof(signature);
	EVP_PKEY_CTX *ctx = EVP_PKEY_is_a(key, "RSA")
				? EVP_PKEY_CTX_new(key, NULL)
				: NULL;

	if (ctx && EVP_PKEY_sign_init(ctx) == 1)
		EVP_PKEY_sign(ctx, signature, &len, hash, sizeof(hash));
	EVP_PKEY_CTX_free(ctx);
}

EVP_PKEY *pki_key_in(const void *der, size_t len)
{
	const unsigned char *p = der;

	pki_use_secure_heap(true);
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	if (key)
		precompute(key);
	pki_use_secure_heap(false);
	return key;
}

int pki_key_spki(EVP_PKEY *key, struct bytes *out)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	int rc = n > 0 ? bytes_add(out, der, (size_t)n)
		       : pki_failed("public key");

	OPENSSL_free(der);
	return pki_drain(rc);
}

int pki_key_make(const char *algorithm, struct bytes *out)
{
	EVP_PKEY *key = generate(algorithm);
	int rc = key ? pki_key_out(key, out) : pki_failed("making a key pair");

	EVP_PKEY_free(key);
	return pki_drain(rc);
}

int pki_algorithm(EVP_PKEY *key, char out[PKI_ALGORITHM])
{
	int bits = EVP_PKEY_get_bits(key);
	char curve[32] = "";

	if (EVP_PKEY_is_a(key, "ED25519")) {
		snprintf(out, PKI_ALGORITHM, "ed25519");
		return 0;
	}
	if (EVP_PKEY_is_a(key, "RSA") && bits >= 2048 && bits <= 8192) {
		snprintf(out, PKI_ALGORITHM, "rsa-%d", bits);
		return 0;
	}
	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1)
		return pki_drain(-EBADMSG);
	int nid = OBJ_sn2nid(curve);
	if (nid != NID_X9_62_prime256v1 && nid != NID_secp384r1 &&
	    nid != NID_secp521r1)
		return -EBADMSG;
	snprintf(out, PKI_ALGORITHM, "ec-p%d", bits);
	return 0;
}

int pki_key_describe(const void *key, size_t len, struct pki_key_info *out)
{
	CLEANUP_BYTES struct bytes spki = {0};
	EVP_PKEY *pair = pki_key_in(key, len);
	int rc = pair ? pki_algorithm(pair, out->algorithm)
		      : pki_drain(-EBADMSG);

	if (!rc)
		rc = pki_key_spki(pair, &spki);
	if (!rc)
		rc = pki_sha256(spki.data, spki.len, out->spki_hash);
	EVP_PKEY_free(pair);
	return pki_drain(rc);
}

/* RFC 2985 5.4.2, extensionRequest */
static bool request_uri(X509_REQ *request, const char *uri)
{
	CLEANUP_BYTES struct bytes list = {0};
	struct der der = {.out = &list};
	size_t at = der_begin(&der, DER_SEQUENCE);

	pki_alternative_names(&der, uri, NULL, NULL, 0);
	der_end(&der, at);
	const unsigned char *p = list.data;
	STACK_OF(X509_EXTENSION) *extensions = der.rc
						   ? NULL
						   : d2i_X509_EXTENSIONS(NULL,
							 &p, (long)list.len);
	bool done = extensions &&
		    X509_REQ_add_extensions(request, extensions) == 1;

	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return done;
}

static int sign_request(
    EVP_PKEY *key, const X509_NAME *subject, const char *uri, struct bytes *out)
{
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int n = -1, rc;

	if (request && X509_REQ_set_subject_name(request, subject) == 1 &&
	    (!uri || request_uri(request, uri)) &&
	    X509_REQ_set_pubkey(request, key) == 1 &&
	    X509_REQ_sign(
		request, key, EVP_get_digestbynid(pki_signing_digest(key))) > 0)
		n = i2d_X509_REQ(request, &der);
	rc = n > 0 ? bytes_add(out, der, (size_t)n)
		   : pki_failed("certificate request");
	OPENSSL_free(der);
	X509_REQ_free(request);
	return pki_drain(rc);
}

int pki_request(const void *key, size_t len, const char *subject,
    const char *uri, struct bytes *csr)
{
	const char *reason;
	EVP_PKEY *pair = pki_key_in(key, len);
	X509_NAME *name = pki_name(subject, &reason);
	int rc = pair && name ? sign_request(pair, name, uri, csr)
			      : pki_drain(-EBADMSG);

	X509_NAME_free(name);
	EVP_PKEY_free(pair);
	return pki_drain(rc);
}

int pki_request_again(const void *key, size_t len, const void *cert,
    size_t cert_len, struct bytes *csr)
{
	EVP_PKEY *pair = pki_key_in(key, len);
	X509 *x = pki_x509(cert, cert_len);
	int rc = pair && x
		     ? sign_request(pair, X509_get_subject_name(x), NULL, csr)
		     : pki_drain(-EBADMSG);

	X509_free(x);
	EVP_PKEY_free(pair);
	return pki_drain(rc);
}
