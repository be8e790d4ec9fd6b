/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>

#include "store/pki/pki.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

/* Returns 0, or the first refusal in the order of enrollment. */
static int check_csr(const void *data, size_t len)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason = NULL;
	int rc = pki_csr_parse(data, len, &csr, &reason);

	if (!rc)
		rc = pki_csr_verify(csr, &reason);
	if (!rc)
		rc = pki_csr_allowed(csr, &reason);
	assert_true(rc ? reason != NULL : reason == NULL);
	return rc;
}

static int check_csr_of_key(EVP_PKEY *key, const EVP_MD *md)
{
	CLEANUP_BYTES struct bytes der = {0};

	assert_non_null(key);
	test_csr(key, md, TEST_NAMES("web1"), &der);
	EVP_PKEY_free(key);
	return check_csr(der.data, der.len);
}

static void allowed_keys(void **state)
{
	(void)state;
	assert_int_equal(
	    check_csr_of_key(test_ec_key("P-256"), EVP_sha256()), 0);
	assert_int_equal(
	    check_csr_of_key(test_ec_key("P-384"), EVP_sha512()), 0);
	assert_int_equal(
	    check_csr_of_key(test_ec_key("P-521"), EVP_sha512()), 0);
	assert_int_equal(
	    check_csr_of_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL), 0);
	assert_int_equal(check_csr_of_key(EVP_RSA_gen(2048), EVP_sha256()), 0);
}

static void refused_keys(void **state)
{
	(void)state;
	assert_int_equal(
	    check_csr_of_key(EVP_RSA_gen(1024), EVP_sha256()), -EBADMSG);
	assert_int_equal(
	    check_csr_of_key(test_ec_key("secp256k1"), EVP_sha256()), -EBADMSG);
	assert_int_equal(
	    check_csr_of_key(test_ec_key("P-224"), EVP_sha256()), -EBADMSG);
	assert_int_equal(
	    check_csr_of_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL),
	    -EBADMSG);
	assert_int_equal(
	    check_csr_of_key(test_ec_key("P-256"), EVP_sha1()), -EBADMSG);
	assert_int_equal(
	    check_csr_of_key(EVP_RSA_gen(2048), EVP_sha1()), -EBADMSG);
}

static EVP_PKEY *rsa_with_exponent(unsigned long e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(exponent, e);
	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048);
	EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent);
	EVP_PKEY_keygen(ctx, &key);
	BN_free(exponent);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void rsa_exponents(void **state)
{
	(void)state;
	assert_int_equal(
	    check_csr_of_key(rsa_with_exponent(3), EVP_sha256()), 0);
	assert_int_equal(
	    check_csr_of_key(rsa_with_exponent(0xffffffff), EVP_sha256()), 0);
	assert_int_equal(
	    check_csr_of_key(rsa_with_exponent(0x100000001), EVP_sha256()),
	    -EBADMSG);
}

/* RFC 5480 2.1.1 forbids specifiedCurve; 2.2: a compressed point would be a
 * second encoding of the same key. */
static void other_encodings_of_ec_keys(void **state)
{
	(void)state;
	EVP_PKEY *key = test_ec_key("P-256");
	assert_int_equal(
	    EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed"),
	    1);
	assert_int_equal(check_csr_of_key(key, EVP_sha256()), -EBADMSG);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	key = NULL;
	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1);
	EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE);
	EVP_PKEY_keygen(ctx, &key);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(check_csr_of_key(key, EVP_sha256()), -EBADMSG);
}

static int check_csr_pss(const EVP_MD *md)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *sign;
	X509_REQ *request = X509_REQ_new();
	unsigned char *out = NULL;

	X509_REQ_set_pubkey(request, key);
	EVP_DigestSignInit(ctx, &sign, md, NULL, key);
	EVP_PKEY_CTX_set_rsa_padding(sign, RSA_PKCS1_PSS_PADDING);
	assert_true(X509_REQ_sign_ctx(request, ctx) > 0);
	int n = i2d_X509_REQ(request, &out);
	int rc = check_csr(out, (size_t)n);
	OPENSSL_free(out);
	X509_REQ_free(request);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

static void pss_signatures(void **state)
{
	(void)state;
	assert_int_equal(check_csr_pss(EVP_sha256()), 0);
	assert_int_equal(check_csr_pss(EVP_sha1()), -EBADMSG);
}

static void wrong_signature_is_refused(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0};

	test_simple_csr("web1", &der);
	der.data[der.len - 1] ^= 1;
	assert_int_equal(check_csr(der.data, der.len), -EKEYREJECTED);
	der.data[der.len - 1] ^= 1;
	/* the signature covers the name */
	unsigned char *name = memmem(der.data, der.len, "web1", 4);
	assert_non_null(name);
	name[3] = '2';
	assert_int_equal(check_csr(der.data, der.len), -EKEYREJECTED);
}

/* Makes a request whose public key is not on the curve. */
static void off_the_curve(const struct bytes *der, struct bytes *out)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason;
	size_t len;

	assert_int_equal(pki_csr_parse(der->data, der->len, &csr, &reason), 0);
	const unsigned char *spki = pki_csr_spki(csr, &len);
	assert_int_equal(bytes_add(out, der->data, der->len), 0);
	unsigned char *at = memmem(out->data, out->len, spki, len);
	assert_non_null(at);
	at[len - 1] ^= 1;
}

/* Objects for EC keys are used again, more than are kept and in any order. */
static void each_request_has_its_own_key(void **state)
{
	(void)state;
	static const char *const curves[] = {"P-256", "P-384", "P-521"};

	for (size_t c = 0; c < COUNT(curves); c++) {
		struct pki_csr *csr[40];
		struct bytes der[COUNT(csr)] = {0};
		CLEANUP_BYTES struct bytes wrong = {0};
		const char *reason;
		for (size_t i = 0; i < COUNT(csr); i++) {
			EVP_PKEY *key = test_ec_key(curves[c]);
			test_csr(key, EVP_sha256(), TEST_NAMES("web1"), &der[i]);
			EVP_PKEY_free(key);
		}
		off_the_curve(&der[0], &wrong);
		for (int round = 0; round < 3; round++) {
			for (size_t i = 0; i < COUNT(csr); i++)
				assert_int_equal(
				    pki_csr_parse(der[i].data, der[i].len,
					&csr[i], &reason),
				    0);
			assert_int_equal(
			    check_csr(wrong.data, wrong.len), -EBADMSG);
			for (size_t i = COUNT(csr); i-- > 0;)
				assert_int_equal(
				    pki_csr_verify(csr[i], &reason), 0);
			for (size_t i = 0; i < COUNT(csr); i++)
				pki_csr_free(csr[i]);
		}
		der[0].data[der[0].len - 1] ^= 1;
		assert_int_equal(
		    check_csr(der[0].data, der[0].len), -EKEYREJECTED);
		for (size_t i = 0; i < COUNT(csr); i++)
			bytes_free(&der[i]);
	}
}

static void *check_often(void *arg)
{
	const struct bytes *der = arg;
	intptr_t wrong = 0;

	for (int i = 0; i < 200; i++) {
		struct pki_csr *csr;
		const char *reason;
		if (pki_csr_parse(der->data, der->len, &csr, &reason)) {
			wrong++;
			continue;
		}
		wrong += pki_csr_verify(csr, &reason) != 0;
		pki_csr_free(csr);
	}
	return (void *)wrong;
}

static void threads_do_not_share_keys(void **state)
{
	(void)state;
	struct bytes der[4] = {0};
	pthread_t thread[COUNT(der)];

	for (size_t i = 0; i < COUNT(der); i++) {
		test_simple_csr("web1", &der[i]);
		assert_int_equal(
		    pthread_create(&thread[i], NULL, check_often, &der[i]), 0);
	}
	for (size_t i = 0; i < COUNT(der); i++) {
		void *wrong;
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
		bytes_free(&der[i]);
	}
}

static void pem_and_der_are_the_same(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, pem = {0}, old = {0};
	CLEANUP_CSR struct pki_csr *a = NULL, *b = NULL;
	const char *reason;
	size_t len;

	test_simple_csr("web1", &der);
	assert_int_equal(pki_pem(PKI_LABEL_REQUEST, der.data, der.len, &pem), 0);
	assert_int_equal(pki_pem_len(PKI_LABEL_REQUEST, der.len), pem.len);
	assert_int_equal(pki_csr_parse(der.data, der.len, &a, &reason), 0);
	assert_int_equal(pki_csr_parse(pem.data, pem.len, &b, &reason), 0);
	assert_memory_equal(pki_csr_der(b, &len), der.data, der.len);
	assert_int_equal(len, der.len);
	assert_memory_equal(
	    pki_csr_spki_hash(a), pki_csr_spki_hash(b), PKI_HASH);
	assert_string_equal(pki_csr_common_name(b), "web1");
	assert_int_equal(bytes_add(&old, "Certificate Request:\n", 21), 0);
	assert_int_equal(
	    pki_pem("NEW CERTIFICATE REQUEST", der.data, der.len, &old), 0);
	assert_int_equal(bytes_add(&old, " \r\n\n", 4), 0);
	assert_int_equal(check_csr(old.data, old.len), 0);
}

/* As OpenSSL writes it. */
static void pem_of_each_length(void **state)
{
	(void)state;
	unsigned char der[200];
	BIO *bio = BIO_new(BIO_s_mem());
	char *want;

	for (size_t n = 0; n < sizeof(der); n++)
		der[n] = (unsigned char)(n * 37);
	for (size_t n = 1; n < sizeof(der); n++) {
		CLEANUP_BYTES struct bytes pem = {0};
		assert_int_equal(bytes_add(&pem, "before", 6), 0);
		assert_int_equal(
		    pki_pem(PKI_LABEL_CERTIFICATE, der, n, &pem), 0);
		assert_int_equal(
		    pki_pem_len(PKI_LABEL_CERTIFICATE, n), pem.len - 6);
		BIO_reset(bio);
		PEM_write_bio(bio, PKI_LABEL_CERTIFICATE, "", der, (long)n);
		assert_int_equal(BIO_get_mem_data(bio, &want), pem.len - 6);
		assert_memory_equal(pem.data + 6, want, pem.len - 6);
	}
	BIO_free(bio);
}

static void malformed_requests(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, wrong = {0}, two = {0}, cut = {0};

	test_simple_csr("web1", &der);
	for (size_t n = 0; n < der.len; n++)
		assert_int_equal(check_csr(der.data, n), -EBADMSG);
	assert_int_equal(bytes_add(&der, "", 1), 0);
	assert_int_equal(check_csr(der.data, der.len), -EBADMSG);
	der.len--;
	assert_int_equal(
	    pki_pem(PKI_LABEL_CERTIFICATE, der.data, der.len, &wrong), 0);
	assert_int_equal(check_csr(wrong.data, wrong.len), -EBADMSG);
	assert_int_equal(pki_pem(PKI_LABEL_REQUEST, der.data, der.len, &two), 0);
	assert_int_equal(pki_pem(PKI_LABEL_REQUEST, der.data, der.len, &two), 0);
	assert_int_equal(check_csr(two.data, two.len), -EBADMSG);
	assert_int_equal(
	    pki_pem(PKI_LABEL_REQUEST, der.data, der.len - 1, &cut), 0);
	assert_int_equal(check_csr(cut.data, cut.len), -EBADMSG);
	assert_int_equal(check_csr("garbage", 7), -EBADMSG);
	/* text before a PEM: the same verdict for one write as for many */
	CLEANUP_BYTES struct bytes comment = {0};
	assert_int_equal(bytes_add(&comment, "# mine\n", 7), 0);
	assert_int_equal(
	    pki_pem(PKI_LABEL_REQUEST, der.data, der.len, &comment), 0);
	assert_int_equal(check_csr(comment.data, comment.len), 0);
	comment.data[0] = comment.data[1] = 'x';
	assert_int_equal(check_csr(comment.data, comment.len), -EBADMSG);
}

static const char *common_name_of(const char *const *names, struct pki_csr **csr)
{
	CLEANUP_BYTES struct bytes der = {0};
	EVP_PKEY *key = test_ec_key("P-256");
	const char *reason;

	test_csr(key, EVP_sha256(), names, &der);
	EVP_PKEY_free(key);
	assert_int_equal(pki_csr_parse(der.data, der.len, csr, &reason), 0);
	return pki_csr_common_name(*csr);
}

static void common_names(void **state)
{
	(void)state;
	struct pki_csr *csr;

	assert_string_equal(common_name_of(TEST_NAMES("web1"), &csr), "web1");
	pki_csr_free(csr);
	assert_null(common_name_of(TEST_NO_NAME, &csr));
	pki_csr_free(csr);
	assert_null(common_name_of(TEST_NAMES("web1", "web2"), &csr));
	pki_csr_free(csr);
	assert_string_equal(
	    common_name_of(TEST_NAMES("münchen"), &csr), "münchen");
	pki_csr_free(csr);
}

/* A proof for renewal is not secret: nobody may enroll with it. */
static void renewal_proof_does_not_enroll(void **state)
{
	(void)state;
	char digits[65];

	for (int i = 0; i < 64; i++)
		digits[i] = "0123456789abcdefABCDEF"[i % 22];
	digits[64] = '\0';
	CLEANUP_BYTES struct bytes der = {0}, shorter = {0};
	test_simple_csr(digits, &der);
	assert_int_equal(check_csr(der.data, der.len), -EBADMSG);
	digits[63] = '\0';
	test_simple_csr(digits, &shorter);
	assert_int_equal(check_csr(shorter.data, shorter.len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(allowed_keys),
	    cmocka_unit_test(refused_keys),
	    cmocka_unit_test(rsa_exponents),
	    cmocka_unit_test(other_encodings_of_ec_keys),
	    cmocka_unit_test(pss_signatures),
	    cmocka_unit_test(wrong_signature_is_refused),
	    cmocka_unit_test(each_request_has_its_own_key),
	    cmocka_unit_test(threads_do_not_share_keys),
	    cmocka_unit_test(pem_and_der_are_the_same),
	    cmocka_unit_test(pem_of_each_length),
	    cmocka_unit_test(malformed_requests),
	    cmocka_unit_test(common_names),
	    cmocka_unit_test(renewal_proof_does_not_enroll),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
