/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

/* Revocation lists, read back with OpenSSL's own types. */

static struct bytes key, cert;
static struct pki_ca *ca;

static int setup(void **state)
{
	struct pki_new_ca want = {
	    .subject = "CN=ca",
	    .path_length = PKI_NO_LIMIT,
	    .not_before = 1795000000,
	    .not_after = 1796000000,
	};

	(void)state;
	return pki_serial(want.serial) || pki_key_make("ec-p256", &key) ||
	       pki_ca_sign(&want, key.data, key.len, NULL, &cert) ||
	       pki_ca_open(cert.data, cert.len, key.data, key.len, &ca);
}

static int teardown(void **state)
{
	(void)state;
	pki_ca_free(ca);
	bytes_free(&key);
	bytes_free(&cert);
	return 0;
}

static X509_CRL *sign_list(
    int64_t number, int64_t at, const struct bytes *entries)
{
	CLEANUP_BYTES struct bytes der = {0};
	struct pki_crl want = {number, at, at + 86400};

	assert_int_equal(pki_crl(ca, &want, entries, &der), 0);
	const unsigned char *p = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	assert_non_null(crl);
	assert_ptr_equal(p, der.data + der.len);
	/* DER: encoding it again gives the same bytes */
	unsigned char *again = NULL;
	assert_int_equal(i2d_re_X509_CRL_tbs(crl, &again) > 0, 1);
	assert_non_null(memmem(der.data, der.len, again, 20));
	OPENSSL_free(again);
	p = cert.data;
	X509 *x = d2i_X509(NULL, &p, (long)cert.len);
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(x)), 1);
	assert_int_equal(
	    X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(x)),
	    0);
	X509_free(x);
	return crl;
}

static void empty_list(void **state)
{
	(void)state;
	struct bytes none = {0};
	X509_CRL *crl = sign_list(INT64_C(0x1122334455), 1795000000, &none);

	assert_int_equal(X509_CRL_get_version(crl), 1);
	assert_null(X509_CRL_get_REVOKED(crl));
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(
	    crl, NID_crl_number, NULL, NULL);
	int64_t n;
	assert_int_equal(ASN1_INTEGER_get_int64(&n, number), 1);
	assert_int_equal(n, INT64_C(0x1122334455));
	ASN1_INTEGER_free(number);
	assert_true(X509_CRL_get_ext_by_NID(
			crl, NID_authority_key_identifier, -1) >= 0);
	assert_int_equal(
	    ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), 1795000000), 0);
	assert_int_equal(
	    ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl), 1795086400), 0);
	X509_CRL_free(crl);
}

static void entries(void **state)
{
	(void)state;
	static const struct {
		unsigned char serial[20];
		size_t len;
		int64_t at;
		int reason;
	} want[] = {
	    {{0x01}, 1, 1795000000, 0},
	    {{0x80, 1}, 2, 1795000001, 1},
	    {{0x7f, [19] = 9}, 20, 1795000002, 5},
	    /* 2050: GeneralizedTime */
	    {{0xff, [15] = 3}, 16, 2524608000, 9},
	};
	CLEANUP_BYTES struct bytes all = {0};

	for (size_t i = 0; i < COUNT(want); i++)
		assert_int_equal(pki_crl_entry(want[i].serial, want[i].len,
				     want[i].at, want[i].reason, &all),
		    0);
	X509_CRL *crl = sign_list(7, 1795000000, &all);
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
	assert_int_equal(sk_X509_REVOKED_num(revoked), COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		X509_REVOKED *r = sk_X509_REVOKED_value(revoked, (int)i);
		BIGNUM *n = BN_bin2bn(want[i].serial, (int)want[i].len, NULL);
		ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(n, NULL);
		assert_int_equal(
		    ASN1_INTEGER_cmp(serial, X509_REVOKED_get0_serialNumber(r)),
		    0);
		ASN1_INTEGER_free(serial);
		BN_free(n);
		const ASN1_TIME *at = X509_REVOKED_get0_revocationDate(r);
		assert_int_equal(ASN1_TIME_cmp_time_t(at, want[i].at), 0);
		assert_int_equal(ASN1_STRING_type(at) == V_ASN1_UTCTIME,
		    want[i].at < 2524608000);
		ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(
		    r, NID_crl_reason, NULL, NULL);
		assert_int_equal(reason != NULL, want[i].reason != 0);
		if (reason)
			assert_int_equal(
			    ASN1_ENUMERATED_get(reason), want[i].reason);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_free(crl);
}

/* The entries of a list are those it was signed with. */
static void entries_are_read_back(void **state)
{
	(void)state;
	static const unsigned char serial[] = {0x80, 1};
	CLEANUP_BYTES struct bytes all = {0}, der = {0}, again = {0};
	const struct pki_crl want = {1, 1795000000, 1795086400};

	assert_int_equal(pki_crl(ca, &want, &all, &der), 0);
	assert_int_equal(pki_crl_entries(der.data, der.len, &again), 0);
	assert_int_equal(again.len, 0);
	for (int i = 1; i < 300; i++) {
		der.len = again.len = 0;
		assert_int_equal(
		    pki_crl_entry(serial, i % 2 + 1, 1795000000, i % 3, &all),
		    0);
		assert_int_equal(pki_crl(ca, &want, &all, &der), 0);
		assert_int_equal(pki_crl_entries(der.data, der.len, &again), 0);
		assert_int_equal(again.len, all.len);
		assert_memory_equal(again.data, all.data, all.len);
	}
	assert_int_equal(pki_crl_len(der.data, der.len), der.len);
	size_t len = der.len;
	assert_int_equal(bytes_add(&der, "\0\0\0", 3), 0);
	assert_int_equal(pki_crl_len(der.data, der.len), len);
	der.len = len;
	assert_int_equal(pki_crl_len(der.data, len - 1), 0);
	assert_int_equal(pki_crl_len(NULL, 0), 0);
	assert_int_equal(pki_crl_entries(NULL, 0, &again), -EBADMSG);
	assert_int_equal(
	    pki_crl_entries(der.data, der.len - 1, &again), -EBADMSG);
	assert_int_equal(pki_crl_entries(der.data, 20, &again), -EBADMSG);
}

static void reasons(void **state)
{
	(void)state;
	assert_int_equal(pki_reason_code("unspecified"), 0);
	assert_int_equal(pki_reason_code("KEYCOMPROMISE"), 1);
	assert_string_equal(
	    pki_reason_name(pki_reason_code("keycompromise")), "keyCompromise");
	assert_int_equal(pki_reason_code("privilegeWithdrawn"), 9);
	assert_int_equal(pki_reason_code("certificateHold"), -1);
	assert_int_equal(pki_reason_code("removeFromCRL"), -1);
	assert_int_equal(pki_reason_code(""), -1);
}

static void hundred_thousand_entries(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes all = {0};
	unsigned char serial[PKI_SERIAL] = {1};

	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(serial + 4, &i, sizeof(i));
		assert_int_equal(
		    pki_crl_entry(serial, sizeof(serial), 1795000000, 1, &all),
		    0);
	}
	X509_CRL *crl = sign_list(1, 1795000000, &all);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 100000);
	X509_CRL_free(crl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty_list),
	    cmocka_unit_test(entries),
	    cmocka_unit_test(entries_are_read_back),
	    cmocka_unit_test(reasons),
	    cmocka_unit_test(hundred_thousand_entries),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
