/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "store/pki/pki.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

static const int64_t start = 1795000000, end = 1795000000 + 86400;

struct key_and_cert {
	struct bytes key, csr, cert;
};

struct chain {
	struct key_and_cert root, middle;
	struct pki_ca *root_ca, *middle_ca;
};

static struct chain chain;

static void key_and_cert_free(struct key_and_cert *key_and_cert)
{
	bytes_free(&key_and_cert->key);
	bytes_free(&key_and_cert->csr);
	bytes_free(&key_and_cert->cert);
}

static void make(const char *algorithm, const char *subject, int path_length,
    const struct pki_ca *issuer, struct key_and_cert *key_and_cert,
    struct pki_ca **ca)
{
	struct pki_new_ca want = {
	    .subject = subject,
	    .uri = "spiffe://corp.example",
	    .path_length = path_length,
	    .not_before = start,
	    .not_after = INT64_C(2750000000), /* 2057: GeneralizedTime */
	};

	*key_and_cert = (struct key_and_cert){0};
	assert_int_equal(pki_serial(want.serial), 0);
	assert_int_equal(pki_key_make(algorithm, &key_and_cert->key), 0);
	assert_int_equal(
	    pki_request(key_and_cert->key.data, key_and_cert->key.len, subject,
		want.uri, &key_and_cert->csr),
	    0);
	assert_int_equal(pki_ca_sign(&want, key_and_cert->key.data,
			     key_and_cert->key.len, issuer, &key_and_cert->cert),
	    0);
	assert_int_equal(
	    pki_ca_open(key_and_cert->cert.data, key_and_cert->cert.len,
		key_and_cert->key.data, key_and_cert->key.len, ca),
	    0);
}

static int setup(void **state)
{
	(void)state;
	make("ec-p384", "CN=root,O=corp.example", PKI_NO_LIMIT, NULL,
	    &chain.root, &chain.root_ca);
	make("ec-p256", "CN=connector,O=corp.example", 0, chain.root_ca,
	    &chain.middle, &chain.middle_ca);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	key_and_cert_free(&chain.root);
	key_and_cert_free(&chain.middle);
	pki_ca_free(chain.root_ca);
	pki_ca_free(chain.middle_ca);
	return 0;
}

static X509 *x509(const struct bytes *der)
{
	const unsigned char *p = der->data;
	X509 *x = d2i_X509(NULL, &p, (long)der->len);

	assert_non_null(x);
	assert_ptr_equal(p, der->data + der->len);
	return x;
}

static X509 *issue(EVP_PKEY *key, const char *name)
{
	CLEANUP_BYTES struct bytes csr_der = {0}, der = {0};
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason;
	struct pki_leaf leaf = {
	    .common_name = name,
	    .unit = "berlin",
	    .organization = "corp.example",
	    .uri = "spiffe://corp.example/app_connector/berlin/web1",
	    .dns = "0123456789abcdef0123456789abcdef.corp.example",
	    .serial = {0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	    .not_before = start,
	    .not_after = end,
	};

	test_csr(key, EVP_sha256(), TEST_NAMES(name), &csr_der);
	assert_int_equal(
	    pki_csr_parse(csr_der.data, csr_der.len, &csr, &reason), 0);
	leaf.spki = pki_csr_spki(csr, &leaf.spki_len);
	assert_int_equal(pki_issue(chain.middle_ca, &leaf, &der), 0);
	return x509(&der);
}

static int verify(X509 *cert, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509 *root = x509(&chain.root.cert), *middle = x509(&chain.middle.cert);

	X509_STORE_add_cert(store, root);
	sk_X509_push(untrusted, middle);
	X509_STORE_CTX_init(ctx, store, cert, untrusted);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, start + 60);
	X509_VERIFY_PARAM_set_flags(
	    param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
	if (host)
		X509_VERIFY_PARAM_set1_host(param, host, 0);
	X509_verify_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	sk_X509_free(untrusted);
	X509_free(root);
	X509_free(middle);
	X509_STORE_free(store);
	return error;
}

static void a_strict_verifier_accepts(void **state)
{
	(void)state;
	EVP_PKEY *key = test_ec_key("P-256");
	X509 *cert = issue(key, "web1");

	assert_int_equal(verify(cert, NULL), X509_V_OK);
	assert_int_equal(
	    verify(cert, "0123456789abcdef0123456789abcdef.corp.example"),
	    X509_V_OK);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Without a DNS name in subjectAltName, TLS clients fall back to the CN, and a
 * member could impersonate any host. */
static void common_name_is_not_a_host_name(void **state)
{
	(void)state;
	EVP_PKEY *key = test_ec_key("P-256");
	X509 *cert = issue(key, "www.corp.example");

	assert_int_equal(
	    verify(cert, "www.corp.example"), X509_V_ERR_HOSTNAME_MISMATCH);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void certificate_profile(void **state)
{
	(void)state;
	EVP_PKEY *key = test_ec_key("P-256");
	X509 *cert = issue(key, "web1");
	char subject[200];
	unsigned char id[PKI_HASH];
	unsigned int n;

	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
	int len = BIO_read(bio, subject, sizeof(subject) - 1);
	subject[len] = '\0';
	BIO_free(bio);
	assert_string_equal(subject, "CN=web1,OU=berlin,O=corp.example");

	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = BN_bn2hex(serial);
	assert_string_equal(hex, "800102030405060708090A0B0C0D0E0F");
	OPENSSL_free(hex);
	BN_free(serial);

	assert_int_equal(X509_get_ext_count(cert), 6);
	static const struct {
		int nid, critical;
	} want[] = {{NID_basic_constraints, 1}, {NID_key_usage, 1},
	    {NID_ext_key_usage, 0}, {NID_subject_alt_name, 0},
	    {NID_subject_key_identifier, 0}, {NID_authority_key_identifier, 0}};
	for (size_t i = 0; i < COUNT(want); i++) {
		int at = X509_get_ext_by_NID(cert, want[i].nid, -1);
		assert_true(at >= 0);
		assert_int_equal(
		    X509_EXTENSION_get_critical(X509_get_ext(cert, at)),
		    want[i].critical);
	}
	assert_int_equal(X509_check_ca(cert), 0);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(
	    X509_get_extended_key_usage(cert), XKU_SSL_CLIENT | XKU_SSL_SERVER);

	GENERAL_NAMES *names = X509_get_ext_d2i(
	    cert, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 2);
	const GENERAL_NAME *uri = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(uri->type, GEN_URI);
	assert_string_equal((const char *)ASN1_STRING_get0_data(
				uri->d.uniformResourceIdentifier),
	    "spiffe://corp.example/app_connector/berlin/web1");
	assert_int_equal(sk_GENERAL_NAME_value(names, 1)->type, GEN_DNS);
	GENERAL_NAMES_free(names);

	/* RFC 7093 2 method 1; X509_pubkey_digest hashes the subjectPublicKey
	 * bits */
	X509_pubkey_digest(cert, EVP_sha256(), id, &n);
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
	assert_int_equal(ASN1_STRING_length(ski), 20);
	assert_memory_equal(ASN1_STRING_get0_data(ski), id, 20);
	X509 *middle = x509(&chain.middle.cert);
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(middle),
			     X509_get0_authority_key_id(cert)),
	    0);
	X509_free(middle);

	assert_int_equal(
	    ASN1_TIME_cmp_time_t(X509_get0_notBefore(cert), start), 0);
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(cert), end), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void signing_certificates(void **state)
{
	(void)state;
	X509 *root = x509(&chain.root.cert), *middle = x509(&chain.middle.cert);

	assert_int_equal(X509_check_ca(root), 1);
	assert_int_equal(X509_get_pathlen(root), -1);
	assert_int_equal(X509_get_pathlen(middle), 0);
	assert_int_equal(
	    X509_get_key_usage(middle), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_check_issued(root, middle), X509_V_OK);
	assert_int_equal(
	    ASN1_STRING_type(X509_get0_notAfter(root)), V_ASN1_GENERALIZEDTIME);
	assert_int_equal(
	    ASN1_STRING_type(X509_get0_notBefore(root)), V_ASN1_UTCTIME);
	X509_free(root);
	X509_free(middle);
}

static void every_algorithm(void **state)
{
	(void)state;
	static const char *const names[] = {
	    "ec-p256", "ec-p384", "ed25519", "rsa-2048"};

	for (size_t i = 0; i < COUNT(names); i++) {
		struct key_and_cert key_and_cert;
		struct pki_ca *ca;
		make(names[i], "CN=own", PKI_NO_LIMIT, NULL, &key_and_cert, &ca);
		X509 *x = x509(&key_and_cert.cert);
		assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
		const unsigned char *p = key_and_cert.csr.data;
		X509_REQ *request = d2i_X509_REQ(
		    NULL, &p, (long)key_and_cert.csr.len);
		assert_int_equal(
		    X509_REQ_verify(request, X509_get0_pubkey(x)), 1);
		X509_REQ_free(request);
		X509_free(x);
		pki_ca_free(ca);
		key_and_cert_free(&key_and_cert);
	}
	CLEANUP_BYTES struct bytes key = {0};
	assert_false(pki_key_algorithm("dsa"));
	assert_int_equal(pki_key_make("dsa", &key), -EIO);
}

static void other_key_does_not_open(void **state)
{
	(void)state;
	struct pki_ca *ca;

	assert_int_equal(pki_ca_open(chain.root.cert.data, chain.root.cert.len,
			     chain.middle.key.data, chain.middle.key.len, &ca),
	    -EBADMSG);
	assert_int_equal(pki_ca_open("x", 1, chain.middle.key.data,
			     chain.middle.key.len, &ca),
	    -EBADMSG);
}

static void serials(void **state)
{
	(void)state;
	unsigned char serial[PKI_SERIAL], last[PKI_SERIAL] = {0};

	for (int i = 0; i < 2000; i++) {
		assert_int_equal(pki_serial(serial), 0);
		assert_int_not_equal(serial[0], 0);
		assert_memory_not_equal(serial, last, PKI_SERIAL);
		memcpy(last, serial, PKI_SERIAL);
	}
}

/* NSS refuses a server's RSA key without keyEncipherment; other key types
 * cannot encipher. */
static void key_usage_depends_on_the_key(void **state)
{
	(void)state;
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	EVP_PKEY *ec = test_ec_key("P-256");
	X509 *with = issue(rsa, "rsa"), *without = issue(ec, "ec");

	assert_int_equal(X509_get_key_usage(with),
	    KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_int_equal(X509_get_key_usage(without), KU_DIGITAL_SIGNATURE);
	assert_int_equal(verify(with, NULL), X509_V_OK);
	X509_free(with);
	X509_free(without);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void assert_is_trust_domain(GENERAL_NAMES *names)
{
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(name->type, GEN_URI);
	assert_string_equal((const char *)ASN1_STRING_get0_data(
				name->d.uniformResourceIdentifier),
	    "spiffe://corp.example");
	GENERAL_NAMES_free(names);
}

/* A CA's certificate and its request carry the trust domain's SPIFFE id. */
static void ca_carries_the_trust_domain(void **state)
{
	(void)state;
	const unsigned char *p = chain.middle.csr.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)chain.middle.csr.len);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	X509 *ca = x509(&chain.middle.cert);

	assert_is_trust_domain(
	    X509_get_ext_d2i(ca, NID_subject_alt_name, NULL, NULL));
	assert_is_trust_domain(
	    X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL));
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	X509_free(ca);
}

static void replace(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION_free(
	    X509_delete_ext(cert, X509_get_ext_by_NID(cert, nid, -1)));
	if (!value)
		return;
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* What the comparison with stored facts says of a certificate with these names
 * and usages. */
static const char *mismatch(const char *names, const char *usages)
{
	EVP_PKEY *key = test_ec_key("P-256");
	X509 *cert = issue(key, "web1");
	CLEANUP_BYTES struct bytes csr = {0};
	const unsigned char *p = chain.middle.key.data;
	EVP_PKEY *signer = d2i_AutoPrivateKey(
	    NULL, &p, (long)chain.middle.key.len);
	unsigned char hash[PKI_HASH], *der = NULL, *spki = NULL;

	replace(cert, NID_subject_alt_name, names);
	replace(cert, NID_ext_key_usage, usages);
	assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
	test_csr(key, EVP_sha256(), TEST_NAMES("web1"), &csr);
	int n = i2d_PUBKEY(key, &spki), len = i2d_X509(cert, &der);
	assert_int_equal(pki_sha256(spki, (size_t)n, hash), 0);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const struct pki_expected want = {
	    .serial = ASN1_STRING_get0_data(serial),
	    .serial_len = (size_t)ASN1_STRING_length(serial),
	    .spki_hash = hash,
	    .spki_hash_len = PKI_HASH / 2,
	    .not_before = start,
	    .not_after = end,
	    .uri = "u:ours",
	    .dns = "ours",
	};
	const char *wrong = pki_check_issued(der, (size_t)len, csr.data,
	    csr.len, chain.middle.cert.data, chain.middle.cert.len, &want);
	OPENSSL_free(der);
	OPENSSL_free(spki);
	X509_free(cert);
	EVP_PKEY_free(signer);
	EVP_PKEY_free(key);
	return wrong;
}

static void names_beside_ours(void **state)
{
	(void)state;
	static const char both[] = "clientAuth,serverAuth";
	static const char *const good[] = {"URI:u:ours,DNS:ours",
	    "URI:u:ours,DNS:ours,DNS:a.example,IP:10.0.0.1,DNS:*.b.example",
	    "IP:::1,DNS:ours,URI:u:ours"};
	static const char *const bad[] = {NULL, "DNS:ours", "URI:u:ours",
	    "URI:u:ours,DNS:other", "URI:u:other,DNS:ours",
	    "URI:u:ours,DNS:ours,URI:u:other", "URI:u:ours,DNS:ours,email:a@b",
	    "URI:u:ours,DNS:ours,RID:1.2.3",
	    "URI:u:ours,DNS:ours,otherName:1.2.3;UTF8:x",
	    "URI:ours,DNS:u:ours"};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(mismatch(good[i], both));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_string_equal(mismatch(bad[i], both), "has another name");
	assert_null(mismatch(good[0], "clientAuth"));
	assert_null(mismatch(good[0], "serverAuth"));
	static const char *const usages[] = {NULL, "emailProtection",
	    "clientAuth,codeSigning", "anyExtendedKeyUsage"};
	for (size_t i = 0; i < COUNT(usages); i++)
		assert_string_equal(mismatch(good[0], usages[i]),
		    "has another extended key usage");
}

/* A name of another type is never written as one of these. */
static void other_names_are_not_signed(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0};
	static const unsigned char spki[] = {0x30, 0};
	static const struct pki_name names[] = {
	    {PKI_NAME_URI, 6, (const unsigned char *)"u:x", 3},
	    {PKI_NAME_OTHER, 1, (const unsigned char *)"a@b", 3}};

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct pki_leaf leaf = {
		    .common_name = "web1",
		    .unit = "berlin",
		    .organization = "corp.example",
		    .uri = "u:ours",
		    .dns = "ours",
		    .name = &names[i],
		    .names = 1,
		    .spki = spki,
		    .spki_len = sizeof(spki),
		};
		assert_int_equal(pki_issue(chain.middle_ca, &leaf, &der), -EIO);
	}
	assert_int_equal(der.len, 0);
}

/* --- where lists and issuers are found --- */

static void urls(void **state)
{
	static const char *const good[] = {"", "http://a.example",
	    "http://a.example/\nldap:///cn=a?crl", "HTTP://[::1]:80/%7e?x=(1)"};
	static const char *const bad[] = {"\n", "http://a\n", "https://a/",
	    "http://", "http:///a", "http://:1/a", "http://u@a/", "http://a/%4",
	    "http://a/ b", "http://a/\x7f", "http://a/\xc3\xa4", "http://a/#b",
	    "ldap://a/b", "ldap://a/b?", "ldap://a/b?c,d", "ldap://a?c", "x"};
	const char *reason;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(pki_urls(good[i], &reason), 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		reason = NULL;
		assert_int_equal(pki_urls(bad[i], &reason), -EINVAL);
		assert_non_null(reason);
	}
}

static void assert_urls(const struct bytes *der, bool told)
{
	X509 *x = x509(der);
	CRL_DIST_POINTS *points = X509_get_ext_d2i(
	    x, NID_crl_distribution_points, NULL, NULL);
	AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(
	    x, NID_info_access, NULL, NULL);

	assert_int_equal(points ? sk_DIST_POINT_num(points) : 0, told ? 1 : 0);
	assert_int_equal(
	    access ? sk_ACCESS_DESCRIPTION_num(access) : 0, told ? 2 : 0);
	if (told)
		assert_int_equal(
		    sk_GENERAL_NAME_num(
			sk_DIST_POINT_value(points, 0)->distpoint->name.fullname),
		    3);
	CRL_DIST_POINTS_free(points);
	AUTHORITY_INFO_ACCESS_free(access);
	X509_free(x);
}

static void an_issuer_tells_its_urls(void **state)
{
	struct key_and_cert top, below;
	struct pki_ca *top_ca, *below_ca;

	(void)state;
	make("ec-p256", "CN=top", PKI_NO_LIMIT, NULL, &top, &top_ca);
	assert_int_equal(
	    pki_ca_tell(top_ca, "http://a/1\nhttp://a/2\nhttp://a/3",
		"http://a/4\nhttp://a/5"),
	    0);
	make("ec-p256", "CN=below", 0, top_ca, &below, &below_ca);
	assert_urls(&top.cert, false);
	assert_urls(&below.cert, true);
	key_and_cert_free(&top);
	key_and_cert_free(&below);
	pki_ca_free(top_ca);
	pki_ca_free(below_ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_strict_verifier_accepts),
	    cmocka_unit_test(common_name_is_not_a_host_name),
	    cmocka_unit_test(certificate_profile),
	    cmocka_unit_test(signing_certificates),
	    cmocka_unit_test(every_algorithm),
	    cmocka_unit_test(other_key_does_not_open),
	    cmocka_unit_test(serials),
	    cmocka_unit_test(key_usage_depends_on_the_key),
	    cmocka_unit_test(ca_carries_the_trust_domain),
	    cmocka_unit_test(names_beside_ours),
	    cmocka_unit_test(other_names_are_not_signed),
	    cmocka_unit_test(urls),
	    cmocka_unit_test(an_issuer_tells_its_urls),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
