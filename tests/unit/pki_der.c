/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/pki/der.h"
#include "store/pki/pki.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

/* What is encoded here is compared, byte for byte, with what OpenSSL encodes. */

static void assert_same(
    const struct bytes *got, const unsigned char *want, int want_len)
{
	assert_true(want_len > 0);
	assert_int_equal(got->len, want_len);
	assert_memory_equal(got->data, want, (size_t)want_len);
}

/* --- elements --- */

static void integers(void **state)
{
	(void)state;
	static const struct {
		unsigned char bytes[20];
		size_t len;
	} numbers[] = {{{0}, 0}, {{0}, 1}, {{0}, 20}, {{0x7f}, 1}, {{0x80}, 1},
	    {{0xff, 0xff}, 2}, {{0, 0, 1}, 3}, {{0, 0x80, 0}, 3},
	    {{0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 16},
	    {{0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
		 18, 19},
		20}};

	for (size_t i = 0; i < COUNT(numbers); i++) {
		CLEANUP_BYTES struct bytes out = {0};
		struct der der = {.out = &out};
		BIGNUM *number = BN_bin2bn(
		    numbers[i].bytes, (int)numbers[i].len, NULL);
		ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
		unsigned char *want = NULL;
		der_unsigned(&der, numbers[i].bytes, numbers[i].len);
		assert_int_equal(der.rc, 0);
		assert_same(&out, want, i2d_ASN1_INTEGER(integer, &want));
		OPENSSL_free(want);
		ASN1_INTEGER_free(integer);
		BN_free(number);
	}
}

/* X.690 8.1.3: the shortest form of a length, at each border, in an element
 * that holds it. */
static void lengths(void **state)
{
	(void)state;
	static const size_t length[] = {0, 1, 123, 124, 125, 126, 127, 128, 129,
	    251, 252, 253, 254, 255, 256, 257, 65531, 65532, 65535, 65536,
	    70000, 1 << 24};
	unsigned char *content = calloc(1, 1 << 24);

	assert_non_null(content);
	for (size_t i = 0; i < COUNT(length); i++) {
		CLEANUP_BYTES struct bytes out = {0};
		struct der der = {.out = &out};
		ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
		ASN1_SEQUENCE_ANY *list = sk_ASN1_TYPE_new_null();
		ASN1_TYPE *value = ASN1_TYPE_new();
		unsigned char *want = NULL;
		ASN1_STRING_set(octets, content, (int)length[i]);
		ASN1_TYPE_set(value, V_ASN1_OCTET_STRING, octets);
		sk_ASN1_TYPE_push(list, value);
		size_t at = der_begin(&der, DER_SEQUENCE);
		der_element(&der, DER_OCTET_STRING, content, length[i]);
		der_end(&der, at);
		assert_int_equal(der.rc, 0);
		assert_same(&out, want, i2d_ASN1_SEQUENCE_ANY(list, &want));
		OPENSSL_free(want);
		sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
	}
	free(content);
}

static void bit_strings(void **state)
{
	(void)state;
	static unsigned char bits[300] = {0xff};

	for (size_t n = 0; n < sizeof(bits); n += 60) {
		CLEANUP_BYTES struct bytes out = {0};
		struct der der = {.out = &out};
		ASN1_BIT_STRING *string = ASN1_BIT_STRING_new();
		unsigned char *want = NULL;
		ASN1_BIT_STRING_set(string, bits, (int)n);
		/* no unused bits, whatever the last byte is */
		string->flags |= ASN1_STRING_FLAG_BITS_LEFT;
		der_bit_string(&der, bits, n);
		assert_same(&out, want, i2d_ASN1_BIT_STRING(string, &want));
		OPENSSL_free(want);
		ASN1_BIT_STRING_free(string);
	}
}

/* RFC 5280 4.1.2.5 */
static void dates(void **state)
{
	(void)state;
	static const int64_t dates[] = {CLOCK_MIN, INT64_C(-631152001),
	    INT64_C(-631152000), -1, 0, 951782400, 1795000000,
	    INT64_C(2524607999), INT64_C(2524608000), INT64_C(4107542400),
	    CLOCK_MAX};

	for (size_t i = 0; i < COUNT(dates); i++) {
		CLEANUP_BYTES struct bytes out = {0};
		struct der der = {.out = &out};
		ASN1_TIME *time = ASN1_TIME_set(NULL, dates[i]);
		unsigned char *want = NULL;
		der_time(&der, dates[i]);
		assert_same(&out, want, i2d_ASN1_TIME(time, &want));
		OPENSSL_free(want);
		ASN1_TIME_free(time);
	}
}

static void dates_are_clamped(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes out = {0};
	struct der der = {.out = &out};

	der_time(&der, INT64_MIN);
	der_time(&der, INT64_MAX);
	assert_int_equal(out.len, 34);
	assert_memory_equal(out.data,
	    "\x18\x0f"
	    "00000101000000Z\x18\x0f"
	    "99991231235959Z",
	    34);
}

static int take(const char *der, size_t len, size_t *content)
{
	struct der_rest rest = {(const unsigned char *)der, len}, got = {0};
	int tag = der_take(&rest, &got);

	*content = got.len;
	if (tag < 0)
		assert_int_equal(rest.len, len);
	else
		assert_ptr_equal(rest.at, got.at + got.len);
	return tag;
}

static void reading(void **state)
{
	(void)state;
	static char large[0x10005] = "\x04\x83\x01\x00\x00";
	static const struct {
		const char *der;
		size_t len;
	} bad[] = {{"", 0}, {"\x04", 1}, {"\x04\x01", 2}, {"\x04\x80\0\0", 4},
	    {"\x04\x81\x01x", 4}, {"\x04\x82\0\x80", 132}, {"\x1f\x01x", 3},
	    {"\xbf\x22\x01x", 4}, {"\x04\x85\0\0\0\0\x01x", 8}, {"\x04\xff", 2},
	    {"\x04\x84\xff\xff\xff\xff", 6}};
	size_t n;

	for (size_t i = 0; i < COUNT(bad); i++) {
		char padded[256] = "";
		memcpy(padded, bad[i].der, bad[i].len < 8 ? bad[i].len : 4);
		assert_int_equal(take(padded, bad[i].len, &n), -1);
	}
	assert_int_equal(take("\x04\0", 2, &n), DER_OCTET_STRING);
	assert_int_equal(n, 0);
	assert_int_equal(take("\xa3\2xyz", 5, &n), DER_EXPLICIT + 3);
	assert_int_equal(n, 2);
	assert_int_equal(take(large, sizeof(large), &n), DER_OCTET_STRING);
	assert_int_equal(n, 0x10000);
	assert_int_equal(take(large, sizeof(large) - 1, &n), -1);
	struct der_rest rest = {(const unsigned char *)"\x04\0", 2}, got;
	assert_false(der_take_tag(&rest, DER_SEQUENCE, &got));
	assert_int_equal(rest.len, 2);
	assert_true(der_take_tag(&rest, DER_OCTET_STRING, &got));
	assert_false(der_take_tag(&rest, DER_OCTET_STRING, &got));
}

static void nothing_follows_an_error(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes out = {0};
	struct der der = {.out = &out};

	size_t at = der_begin(&der, DER_SEQUENCE);
	der.rc = -ENOMEM;
	der_element(&der, DER_UTF8_STRING, "x", 1);
	der_unsigned(&der, "x", 1);
	der_end(&der, at);
	assert_int_equal(der.rc, -ENOMEM);
	assert_int_equal(out.len, 2);
}

/* --- certificates and revocation lists --- */

struct ca {
	struct bytes key, cert;
	struct pki_ca *ca;
	X509 *x;
	EVP_PKEY *pair;
};

static void make_ca(const char *algorithm, int path_length, struct ca *ca)
{
	struct pki_new_ca want = {
	    .subject = "CN=Zertifizierung,O=Prüfstelle,C=DE",
	    .uri = "spiffe://corp.example",
	    .path_length = path_length,
	    .serial = {0xff, 2},
	    .not_before = 1795000000,
	    .not_after = INT64_C(2750000000),
	};
	const unsigned char *p;

	*ca = (struct ca){0};
	assert_int_equal(pki_key_make(algorithm, &ca->key), 0);
	assert_int_equal(
	    pki_ca_sign(&want, ca->key.data, ca->key.len, NULL, &ca->cert), 0);
	assert_int_equal(pki_ca_open(ca->cert.data, ca->cert.len, ca->key.data,
			     ca->key.len, &ca->ca),
	    0);
	p = ca->key.data;
	ca->pair = d2i_AutoPrivateKey(NULL, &p, (long)ca->key.len);
	p = ca->cert.data;
	ca->x = d2i_X509(NULL, &p, (long)ca->cert.len);
	assert_non_null(ca->pair);
	assert_non_null(ca->x);
}

static void free_ca(struct ca *ca)
{
	bytes_free(&ca->key);
	bytes_free(&ca->cert);
	pki_ca_free(ca->ca);
	X509_free(ca->x);
	EVP_PKEY_free(ca->pair);
}

static const EVP_MD *digest(const struct ca *ca)
{
	if (EVP_PKEY_is_a(ca->pair, "ED25519"))
		return NULL;
	return EVP_PKEY_get_bits(ca->pair) == 384 ? EVP_sha384() : EVP_sha256();
}

static void extend(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* The leftmost 160 bits of the key's SHA-256 (RFC 7093 2 method 1). */
static void add_key_id(X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	assert_int_equal(X509_pubkey_digest(x, EVP_sha256(), hash, NULL), 1);
	ASN1_OCTET_STRING_set(id, hash, 20);
	X509_add1_ext_i2d(x, NID_subject_key_identifier, id, 0, 0);
	ASN1_OCTET_STRING_free(id);
}

static X509 *new_cert(const unsigned char *serial, int64_t not_before,
    int64_t not_after, EVP_PKEY *key, const X509_NAME *issuer)
{
	X509 *x = X509_new();
	BIGNUM *number = BN_bin2bn(serial, PKI_SERIAL, NULL);

	X509_set_version(x, X509_VERSION_3);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	ASN1_TIME_set(X509_getm_notBefore(x), not_before);
	ASN1_TIME_set(X509_getm_notAfter(x), not_after);
	X509_set_issuer_name(x, issuer);
	X509_set_pubkey(x, key);
	BN_free(number);
	return x;
}

static void add_name(X509_NAME *name, int nid, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
			     (const unsigned char *)text, -1, -1, 0),
	    1);
}

/* Compares the signed part; all of it if signatures are deterministic. */
static void assert_same_signed(const struct ca *ca, const struct bytes *got,
    const unsigned char *tbs, int tbs_len, const unsigned char *all,
    int all_len)
{
	const unsigned char *p = got->data;
	long len;
	int tag, class;

	assert_true(tbs_len > 0 && all_len > 0);
	assert_int_equal(
	    ASN1_get_object(&p, &len, &tag, &class, (long)got->len) & 0x80, 0);
	assert_true(len >= tbs_len);
	assert_memory_equal(p, tbs, (size_t)tbs_len);
	if (!EVP_PKEY_is_a(ca->pair, "EC"))
		assert_same(got, all, all_len);
}

static void assert_same_cert(
    const struct ca *ca, const struct bytes *got, X509 *want)
{
	unsigned char *tbs = NULL, *all = NULL;

	assert_true(X509_sign(want, ca->pair, digest(ca)) > 0);
	int tbs_len = i2d_re_X509_tbs(want, &tbs),
	    all_len = i2d_X509(want, &all);
	assert_same_signed(ca, got, tbs, tbs_len, all, all_len);
	OPENSSL_free(tbs);
	OPENSSL_free(all);
	X509_free(want);
}

/* Names beside ours, and as OpenSSL reads them. */
#define NAME(type, tag, text)                                        \
	{                                                            \
		PKI_NAME_##type, tag, (const unsigned char *)(text), \
		    sizeof(text) - 1                                 \
	}
static const struct pki_name more[] = {
    NAME(DNS, 2, "host.example"),
    NAME(IP, 7, "\x0a\1\2\3"),
    NAME(DNS, 2, "*.example"),
    NAME(IP, 7, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
};
static const char *const more_names[] = {
    "DNS:host.example", "IP:10.1.2.3", "DNS:*.example", "IP:2001:db8::1"};

static void check_leaf(
    const struct ca *ca, EVP_PKEY *key, const struct pki_leaf *leaf)
{
	CLEANUP_BYTES struct bytes got = {0}, names = {0};
	X509 *x = new_cert(leaf->serial, leaf->not_before, leaf->not_after, key,
	    X509_get_subject_name(ca->x));
	X509_NAME *subject = X509_NAME_new();

	add_name(subject, NID_organizationName, leaf->organization);
	add_name(subject, NID_organizationalUnitName, leaf->unit);
	add_name(subject, NID_commonName, leaf->common_name);
	X509_set_subject_name(x, subject);
	X509_NAME_free(subject);
	extend(x, ca->x, NID_basic_constraints, "critical,CA:FALSE");
	extend(x, ca->x, NID_key_usage,
	    EVP_PKEY_is_a(key, "RSA")
		? "critical,digitalSignature,keyEncipherment"
		: "critical,digitalSignature");
	extend(x, ca->x, NID_ext_key_usage,
	    leaf->usages == PKI_CLIENT_AUTH   ? "clientAuth"
	    : leaf->usages == PKI_SERVER_AUTH ? "serverAuth"
					      : "clientAuth,serverAuth");
	assert_int_equal(
	    bytes_printf(&names, "URI:%s,DNS:%s", leaf->uri, leaf->dns), 0);
	for (int i = 0; i < leaf->names; i++)
		assert_int_equal(bytes_printf(&names, ",%s",
				     more_names[leaf->name - more + i]),
		    0);
	assert_int_equal(bytes_add(&names, "", 1), 0);
	extend(x, ca->x, NID_subject_alt_name, (char *)names.data);
	add_key_id(x);
	extend(x, ca->x, NID_authority_key_identifier, "keyid:always");
	assert_int_equal(pki_issue(ca->ca, leaf, &got), 0);
	assert_same_cert(ca, &got, x);
}

static char long_name[201], long_uri[500];

static void check_leaves(const struct ca *ca, EVP_PKEY *key)
{
	unsigned char *spki = NULL;
	int spki_len = i2d_PUBKEY(key, &spki);
	struct pki_leaf leaves[] = {
	    {.common_name = "web1",
		.unit = "berlin",
		.organization = "corp.example",
		.uri = "spiffe://corp.example/app_connector/berlin/web1",
		.dns = "0123456789abcdef.corp.example",
		.serial = {1},
		.not_before = 1795000000,
		.not_after = 1795086400},
	    {.common_name = "web1",
		.unit = "berlin",
		.organization = "corp.example",
		.uri = "spiffe://corp.example/app_connector/berlin/web1",
		.dns = "0123456789abcdef.corp.example",
		.name = more,
		.names = COUNT(more),
		.usages = PKI_SERVER_AUTH,
		.serial = {1},
		.not_before = 1795000000,
		.not_after = 1795000600},
	    {.common_name = long_name,
		.unit = long_name,
		.organization = long_name,
		.uri = long_uri,
		.dns = long_name,
		.serial = {0x80, 0, 0, 1},
		.not_before = -1,
		.not_after = INT64_C(2524608000)},
	    {.common_name = "münchen",
		.unit = "x",
		.organization = "*@&_",
		.uri = "a:b",
		.dns = "d",
		.name = more + 1,
		.names = 1,
		.usages = PKI_CLIENT_AUTH,
		.serial = {0, 0x7f},
		.not_before = INT64_C(2524607999),
		.not_after = CLOCK_MAX},
	};

	memset(long_name, 'n', sizeof(long_name) - 1);
	memset(long_uri, 'u', sizeof(long_uri) - 1);
	for (size_t i = 0; i < COUNT(leaves); i++) {
		leaves[i].spki = spki;
		leaves[i].spki_len = (size_t)spki_len;
		check_leaf(ca, key, &leaves[i]);
	}
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
}

static const char *const algorithms[] = {
    "ec-p256", "ec-p384", "ed25519", "rsa-2048"};

static void members_certificates(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(algorithms); i++) {
		struct ca ca;
		make_ca(algorithms[i], 0, &ca);
		check_leaves(&ca, test_ec_key("P-256"));
		check_leaves(&ca, test_ec_key("P-384"));
		check_leaves(&ca, test_ec_key("P-521"));
		check_leaves(&ca, EVP_RSA_gen(2048));
		check_leaves(&ca, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
		free_ca(&ca);
	}
}

static void signing_certificates(void **state)
{
	(void)state;
	static const struct {
		int length;
		const char *basic;
	} paths[] = {{PKI_NO_LIMIT, "critical,CA:TRUE"},
	    {0, "critical,CA:TRUE,pathlen:0"},
	    {127, "critical,CA:TRUE,pathlen:127"},
	    {128, "critical,CA:TRUE,pathlen:128"},
	    {255, "critical,CA:TRUE,pathlen:255"}};

	for (size_t i = 0; i < COUNT(algorithms); i++)
		for (size_t j = 0; j < COUNT(paths); j++) {
			static const unsigned char serial[PKI_SERIAL] = {
			    0xff, 2};
			struct ca ca;
			make_ca(algorithms[i], paths[j].length, &ca);
			X509 *x = new_cert(serial, 1795000000,
			    INT64_C(2750000000), ca.pair,
			    X509_get_subject_name(ca.x));
			X509_set_subject_name(x, X509_get_subject_name(ca.x));
			extend(x, x, NID_basic_constraints, paths[j].basic);
			extend(x, x, NID_key_usage,
			    "critical,keyCertSign,cRLSign");
			extend(x, x, NID_subject_alt_name,
			    "URI:spiffe://corp.example");
			add_key_id(x);
			extend(
			    x, x, NID_authority_key_identifier, "keyid:always");
			assert_same_cert(&ca, &ca.cert, x);
			free_ca(&ca);
		}
}

struct revocation {
	unsigned char serial[PKI_SERIAL_MAX];
	int64_t at;
	int reason;
};

static void add_revocation(X509_CRL *list, const struct revocation *r)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	BIGNUM *number = BN_bin2bn(r->serial, PKI_SERIAL_MAX, NULL);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
	ASN1_TIME *at = ASN1_TIME_set(NULL, r->at);

	X509_REVOKED_set_serialNumber(revoked, serial);
	X509_REVOKED_set_revocationDate(revoked, at);
	if (r->reason) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(reason, r->reason);
		X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_add0_revoked(list, revoked);
	ASN1_TIME_free(at);
	ASN1_INTEGER_free(serial);
	BN_free(number);
}

static X509_CRL *new_list(const struct ca *ca, const struct pki_crl *want)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, want->this_update),
		  *next = ASN1_TIME_set(NULL, want->next_update);

	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->x));
	X509_CRL_set1_lastUpdate(list, at);
	X509_CRL_set1_nextUpdate(list, next);
	ASN1_TIME_free(at);
	ASN1_TIME_free(next);
	return list;
}

static void extend_list(
    X509_CRL *list, const struct ca *ca, int64_t number_value)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

	ASN1_INTEGER_set_int64(number, number_value);
	id->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(ca->x));
	X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0);
	X509_CRL_add1_ext_i2d(list, NID_authority_key_identifier, id, 0, 0);
	AUTHORITY_KEYID_free(id);
	ASN1_INTEGER_free(number);
}

static void check_list(const struct ca *ca, const struct pki_crl *want,
    const struct revocation *revoked, size_t count)
{
	CLEANUP_BYTES struct bytes got = {0}, entries = {0};
	X509_CRL *list = new_list(ca, want);
	unsigned char *tbs = NULL, *all = NULL;

	for (size_t i = 0; i < count; i++) {
		add_revocation(list, &revoked[i]);
		assert_int_equal(
		    pki_crl_entry(revoked[i].serial, PKI_SERIAL_MAX,
			revoked[i].at, revoked[i].reason, &entries),
		    0);
	}
	extend_list(list, ca, want->number);
	assert_true(X509_CRL_sign(list, ca->pair, digest(ca)) > 0);
	int tbs_len = i2d_re_X509_CRL_tbs(list, &tbs),
	    all_len = i2d_X509_CRL(list, &all);
	assert_int_equal(pki_crl(ca->ca, want, &entries, &got), 0);
	assert_same_signed(ca, &got, tbs, tbs_len, all, all_len);
	OPENSSL_free(tbs);
	OPENSSL_free(all);
	X509_CRL_free(list);
}

static void revocation_lists(void **state)
{
	(void)state;
	static const struct revocation revoked[] = {
	    {{0x80, 1}, 1795000000, 0},
	    {{0, 0, 0xff}, INT64_C(2524608000), 1},
	    {{0x7f}, 0, 9},
	};
	static const struct pki_crl lists[] = {
	    {.number = 1, .this_update = 1795000000, .next_update = 1795000001},
	    {.number = INT64_C(0x80ffffffff),
		.this_update = INT64_C(2524607999),
		.next_update = INT64_C(2524608000)},
	};

	for (size_t i = 0; i < COUNT(algorithms); i++) {
		struct ca ca;
		make_ca(algorithms[i], PKI_NO_LIMIT, &ca);
		for (size_t j = 0; j < COUNT(lists); j++)
			for (size_t n = 0; n <= COUNT(revoked); n++)
				check_list(&ca, &lists[j], revoked, n);
		free_ca(&ca);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(bit_strings),
	    cmocka_unit_test(dates),
	    cmocka_unit_test(dates_are_clamped),
	    cmocka_unit_test(reading),
	    cmocka_unit_test(nothing_follows_an_error),
	    cmocka_unit_test(members_certificates),
	    cmocka_unit_test(signing_certificates),
	    cmocka_unit_test(revocation_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
