/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CSRS_H
#define TESTS_UNIT_CSRS_H

/* Key pairs and certificate requests for tests, made with OpenSSL's own,
 * obvious calls. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/bytes.h"

static inline EVP_PKEY *test_ec_key(const char *curve)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

/* Appends a DER request with these common names (NULL ends them), signed with
 * md. */
static inline void test_csr(EVP_PKEY *key, const EVP_MD *md,
    const char *const *names, struct bytes *der)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	unsigned char *out = NULL;

	for (; *names; names++)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		    (const unsigned char *)*names, -1, -1, 0);
	X509_REQ_set_subject_name(request, subject);
	X509_REQ_set_pubkey(request, key);
	if (X509_REQ_sign(request, key, md) <= 0)
		abort();
	int n = i2d_X509_REQ(request, &out);
	if (n <= 0 || bytes_add(der, out, (size_t)n))
		abort();
	OPENSSL_free(out);
	X509_NAME_free(subject);
	X509_REQ_free(request);
}

#define TEST_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TEST_NO_NAME ((const char *const[]){NULL})

/* A fresh P-256 key's request. */
static inline void test_simple_csr(const char *name, struct bytes *der)
{
	EVP_PKEY *key = test_ec_key("P-256");

	test_csr(key, EVP_sha256(), TEST_NAMES(name), der);
	EVP_PKEY_free(key);
}

#endif
