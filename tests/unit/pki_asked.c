/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509v3.h>
#include <stdio.h>

#include "store/pki/pki.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

/* An extension with its value as it is, which OpenSSL does not look at. */
struct extension {
	int nid;
	const void *value;
	size_t len;
};

#define RAW(nid, value)                       \
	{                                     \
		nid, value, sizeof(value) - 1 \
	}

static void push(STACK_OF(X509_EXTENSION) * list, const struct extension *e)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	ASN1_OCTET_STRING_set(value, e->value, (int)e->len);
	X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(
	    NULL, e->nid, 0, value);
	assert_true(sk_X509_EXTENSION_push(list, extension) > 0);
	ASN1_OCTET_STRING_free(value);
}

/* Adds an attribute with these extensions. */
static void add_attribute(
    X509_REQ *request, int nid, const struct extension *e, size_t n)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

	for (size_t i = 0; i < n; i++)
		push(list, &e[i]);
	assert_int_equal(X509_REQ_add_extensions_nid(request, list, nid), 1);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* Signs a request, encodes and frees it. */
static void encode(X509_REQ *request, struct bytes *out)
{
	EVP_PKEY *key = test_ec_key("P-256");
	unsigned char *der = NULL;

	X509_REQ_set_pubkey(request, key);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(request, &der);
	assert_int_equal(bytes_add(out, der, (size_t)n), 0);
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
}

/* What is asked for makes no request invalid. */
static struct pki_csr *finish(X509_REQ *request)
{
	CLEANUP_BYTES struct bytes der = {0};
	const char *reason;
	struct pki_csr *csr;

	encode(request, &der);
	assert_int_equal(pki_csr_parse(der.data, der.len, &csr, &reason), 0);
	assert_int_equal(pki_csr_verify(csr, &reason), 0);
	assert_int_equal(pki_csr_allowed(csr, &reason), 0);
	return csr;
}

static struct pki_csr *csr_with(const struct extension *e, size_t n)
{
	X509_REQ *request = X509_REQ_new();

	if (n)
		add_attribute(request, NID_ext_req, e, n);
	return finish(request);
}

static void assert_name(const struct pki_asked *asked, int at,
    enum pki_name_type type, const char *text, size_t len)
{
	assert_true(at < asked->names);
	assert_int_equal(asked->name[at].type, type);
	assert_int_equal(asked->name[at].len, len);
	assert_memory_equal(asked->name[at].at, text, len);
}

/* What OpenSSL writes for a line of its configuration. */
static struct pki_csr *csr_of_text(const char *names, const char *usages)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_REQ *request = X509_REQ_new();
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, NULL, NULL, request, NULL, 0);
	if (names)
		sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, &ctx,
						 NID_subject_alt_name, names));
	sk_X509_EXTENSION_push(list,
	    X509V3_EXT_conf_nid(NULL, &ctx, NID_key_usage, "digitalSignature"));
	if (usages)
		sk_X509_EXTENSION_push(list,
		    X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, usages));
	assert_int_equal(X509_REQ_add_extensions(request, list), 1);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return finish(request);
}

static void as_openssl_writes_it(void **state)
{
	(void)state;
	CLEANUP_CSR struct pki_csr *csr = csr_of_text(
	    "DNS:host.example,IP:10.0.0.1,IP:2001:db8::1,URI:spiffe://x/y,DNS:*.example,email:a@b",
	    "critical,serverAuth");
	struct pki_asked asked;

	pki_csr_asked(csr, &asked);
	assert_null(asked.names_fault);
	assert_null(asked.usages_fault);
	assert_true(asked.has_names);
	assert_true(asked.has_usages);
	assert_int_equal(asked.usages, PKI_SERVER_AUTH);
	assert_int_equal(asked.names, 6);
	assert_name(&asked, 0, PKI_NAME_DNS, "host.example", 12);
	assert_name(&asked, 1, PKI_NAME_IP, "\x0a\0\0\1", 4);
	assert_name(&asked, 2, PKI_NAME_IP,
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	assert_name(&asked, 3, PKI_NAME_URI, "spiffe://x/y", 12);
	assert_name(&asked, 4, PKI_NAME_DNS, "*.example", 9);
	assert_name(&asked, 5, PKI_NAME_OTHER, "a@b", 3);
	assert_int_equal(asked.name[5].tag, 1);
}

static void nothing_is_asked_for(void **state)
{
	(void)state;
	CLEANUP_CSR struct pki_csr *none = csr_with(NULL, 0),
				   *other = csr_of_text(NULL, NULL);
	struct pki_asked asked;

	pki_csr_asked(none, &asked);
	assert_false(asked.has_names || asked.has_usages || asked.names ||
		     asked.names_fault || asked.usages_fault);
	pki_csr_asked(other, &asked);
	assert_false(asked.has_names || asked.has_usages || asked.names ||
		     asked.names_fault || asked.usages_fault);
	CLEANUP_CSR struct pki_csr *both = csr_of_text(
	    NULL, "clientAuth,serverAuth");
	pki_csr_asked(both, &asked);
	assert_false(asked.has_names);
	assert_int_equal(asked.usages, PKI_USAGES);
}

/* Every form of GeneralName is listed, none is lost. */
static void every_form_is_listed(void **state)
{
	(void)state;
	static const struct extension names = RAW(NID_subject_alt_name,
	    "\x30\x3f"
	    "\xa0\x13\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x05\x0c\x03"
	    "a@b"
	    "\x81\x03"
	    "a@b"
	    "\x82\x05"
	    "a\0b.c"
	    "\xa3\x02\x30\x00"
	    "\xa4\x02\x30\x00"
	    "\xa5\x04\x81\x02xy"
	    "\x86\x03u:v"
	    "\x87\x04\x0a\x00\x00\x01"
	    "\x88\x03\x2a\x03\x04");
	CLEANUP_CSR struct pki_csr *csr = csr_with(&names, 1);
	struct pki_asked asked;

	pki_csr_asked(csr, &asked);
	assert_null(asked.names_fault);
	assert_int_equal(asked.names, 9);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(asked.name[i].tag, i);
		assert_int_equal(asked.name[i].type, i == 2   ? PKI_NAME_DNS
						     : i == 6 ? PKI_NAME_URI
						     : i == 7 ? PKI_NAME_IP
							      : PKI_NAME_OTHER);
	}
	/* a NUL is part of the name */
	assert_name(&asked, 2, PKI_NAME_DNS, "a\0b.c", 5);
}

/* A list of n names, each one another unless same. */
static void many(int n, bool same, struct bytes *out)
{
	static const unsigned char head[] = {0x30, 0x82, 0, 0};

	assert_int_equal(bytes_add(out, head, sizeof(head)), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    bytes_printf(out, "\x82\x05n%04d", same ? 0 : i), 0);
	out->data[2] = (unsigned char)((out->len - 4) >> 8);
	out->data[3] = (unsigned char)(out->len - 4);
}

static const char *fault_of_many(int n, bool same, int names)
{
	CLEANUP_BYTES struct bytes list = {0};
	struct pki_asked asked;

	many(n, same, &list);
	const struct extension e = {NID_subject_alt_name, list.data, list.len};
	CLEANUP_CSR struct pki_csr *csr = csr_with(&e, 1);
	pki_csr_asked(csr, &asked);
	assert_true(asked.has_names);
	assert_null(asked.usages_fault);
	if (!asked.names_fault)
		assert_int_equal(asked.names, names);
	return asked.names_fault;
}

static void at_most_a_hundred_names(void **state)
{
	(void)state;
	assert_null(fault_of_many(43, false, 43));
	assert_null(fault_of_many(100, false, 100));
	assert_non_null(fault_of_many(101, false, 0));
	assert_non_null(fault_of_many(200, false, 0));
	assert_null(fault_of_many(100, true, 1));
	assert_non_null(fault_of_many(101, true, 0));
}

static void malformed_names(void **state)
{
	(void)state;
	static const struct extension bad[] = {
	    RAW(NID_subject_alt_name, ""),
	    RAW(NID_subject_alt_name, "\x30\x00"),	    /* no name */
	    RAW(NID_subject_alt_name, "\x30\x03\x82\x02x"), /* too long */
	    RAW(NID_subject_alt_name, "\x30\x03\x82\x01x\x00"),
	    RAW(NID_subject_alt_name, "\x31\x03\x82\x01x"),	/* SET */
	    RAW(NID_subject_alt_name, "\x30\x04\x82\x81\x01x"), /* BER */
	    RAW(NID_subject_alt_name, "\x30\x80\x82\x01x\x00\x00"),
	    RAW(NID_subject_alt_name, "\x30\x05\xa2\x03\x82\x01x"),
	    RAW(NID_subject_alt_name, "\x30\x03\x89\x01x"), /* [9] */
	    RAW(NID_subject_alt_name, "\x30\x03\x16\x01x"), /* IA5String */
	    RAW(NID_subject_alt_name, "\x30\x03\x80\x01x"),
	    RAW(NID_subject_alt_name, "\x30\x04\x9f\x22\x01x"),
	    RAW(NID_subject_alt_name,
		"\x30\x06\x82\x85\0\0\0\0\1x"), /* length of five octets */
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP_CSR struct pki_csr *csr = csr_with(&bad[i], 1);
		struct pki_asked asked;
		pki_csr_asked(csr, &asked);
		assert_true(asked.has_names);
		assert_non_null(asked.names_fault);
		assert_null(asked.usages_fault);
	}
}

#define CLIENT "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"
#define EMAIL "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04"
#define ANY "\x06\x04\x55\x1d\x25\x00"

static void other_usages(void **state)
{
	(void)state;
	static const struct extension bad[] = {
	    RAW(NID_ext_key_usage, "\x30\x00"),
	    RAW(NID_ext_key_usage, "\x30\x0a" EMAIL),
	    RAW(NID_ext_key_usage, "\x30\x14" CLIENT EMAIL),
	    RAW(NID_ext_key_usage, "\x30\x06" ANY),
	    RAW(NID_ext_key_usage, "\x30\x0a" CLIENT "\x00"),
	    RAW(NID_ext_key_usage, "\x30\x03\x04\x01\x00"),
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP_CSR struct pki_csr *csr = csr_with(&bad[i], 1);
		struct pki_asked asked;
		pki_csr_asked(csr, &asked);
		assert_true(asked.has_usages);
		assert_non_null(asked.usages_fault);
		assert_null(asked.names_fault);
	}
}

static const struct extension dns = RAW(
				  NID_subject_alt_name, "\x30\x03\x82\x01x"),
			      client = RAW(NID_ext_key_usage, "\x30\x0a" CLIENT);

static void twice_is_a_fault(void **state)
{
	(void)state;
	const struct extension names[] = {dns, client, dns};
	const struct extension usages[] = {client, dns, client};
	struct pki_asked asked;

	CLEANUP_CSR struct pki_csr *a = csr_with(names, 3);
	pki_csr_asked(a, &asked);
	assert_non_null(asked.names_fault);
	assert_null(asked.usages_fault);
	CLEANUP_CSR struct pki_csr *b = csr_with(usages, 3);
	pki_csr_asked(b, &asked);
	assert_null(asked.names_fault);
	assert_non_null(asked.usages_fault);
}

/* With two attributes: OpenSSL does not make two of the same, so one has
 * another number (9.7, challengePassword) until it is encoded. */
static struct pki_csr *csr_with_two(int second)
{
	static const unsigned char other[] = {
	    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07};
	X509_REQ *request = X509_REQ_new();
	CLEANUP_BYTES struct bytes der = {0};
	const char *reason;
	struct pki_csr *csr;

	add_attribute(request, NID_pkcs9_challengePassword, &dns, 1);
	add_attribute(request, second, &client, 1);
	encode(request, &der);
	unsigned char *at = memmem(der.data, der.len, other, sizeof(other));
	assert_non_null(at);
	at[sizeof(other) - 1] = 14; /* extensionRequest */
	assert_int_equal(pki_csr_parse(der.data, der.len, &csr, &reason), 0);
	return csr;
}

static void two_attributes_are_a_fault(void **state)
{
	(void)state;
	static const int second[] = {NID_ext_req, NID_ms_ext_req};

	for (size_t i = 0; i < COUNT(second); i++) {
		CLEANUP_CSR struct pki_csr *csr = csr_with_two(second[i]);
		struct pki_asked asked;
		pki_csr_asked(csr, &asked);
		assert_true(asked.has_names && asked.has_usages);
		assert_non_null(asked.names_fault);
		assert_non_null(asked.usages_fault);
	}
	CLEANUP_CSR struct pki_csr *one = csr_with_two(NID_key_usage);
	struct pki_asked asked;
	pki_csr_asked(one, &asked);
	assert_null(asked.names_fault);
	assert_int_equal(asked.names, 1);
}

static void microsofts_attribute(void **state)
{
	(void)state;
	X509_REQ *request = X509_REQ_new();
	struct pki_asked asked;

	add_attribute(request, NID_ms_ext_req, &dns, 1);
	CLEANUP_CSR struct pki_csr *csr = finish(request);
	pki_csr_asked(csr, &asked);
	assert_null(asked.names_fault);
	assert_int_equal(asked.names, 1);
	assert_name(&asked, 0, PKI_NAME_DNS, "x", 1);
}

/* Adds an attribute with n values of this type. */
static void add_values(X509_REQ *request, int nid, int type, int n)
{
	X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_create_by_NID(
	    NULL, nid, type, "\x30\x00", 2);

	for (; n > 1; n--)
		assert_int_equal(
		    X509_ATTRIBUTE_set1_data(attribute, type, "\x30\x00", 2), 1);
	assert_int_equal(X509_REQ_add1_attr(request, attribute), 1);
	X509_ATTRIBUTE_free(attribute);
}

static void attributes_of_another_form(void **state)
{
	(void)state;
	static const struct {
		int nid, type, values;
		bool fault;
	} form[] = {
	    {NID_pkcs9_challengePassword, V_ASN1_UTF8STRING, 1, false},
	    {NID_ext_req, V_ASN1_SEQUENCE, 1, false},
	    {NID_ext_req, V_ASN1_SEQUENCE, 2, true},
	    {NID_ext_req, V_ASN1_OCTET_STRING, 1, true},
	};

	for (size_t i = 0; i < COUNT(form); i++) {
		X509_REQ *request = X509_REQ_new();
		struct pki_asked asked;
		add_values(request, form[i].nid, form[i].type, form[i].values);
		CLEANUP_CSR struct pki_csr *csr = finish(request);
		pki_csr_asked(csr, &asked);
		assert_int_equal(asked.names_fault != NULL, form[i].fault);
		assert_int_equal(asked.usages_fault != NULL, form[i].fault);
	}
}

static void lists_are_compared(void **state)
{
	(void)state;
	CLEANUP_CSR struct pki_csr
	    *first = csr_of_text("DNS:a,IP:10.0.0.1,URI:u:v,DNS:ours", NULL),
	    *second = csr_of_text("DNS:ours,IP:10.0.0.1,DNS:a,DNS:a", NULL),
	    *third = csr_of_text("DNS:a,IP:10.0.0.2", NULL),
	    *typed = csr_of_text("DNS:a,URI:ours", NULL);
	struct pki_asked a, b, c, d;

	pki_csr_asked(first, &a);
	pki_csr_asked(second, &b);
	pki_csr_asked(third, &c);
	pki_csr_asked(typed, &d);
	assert_int_equal(b.names, 3);
	assert_false(pki_asked_same_names(&a, &b));
	pki_asked_remove(&a, "u:v", "ours");
	pki_asked_remove(&b, "u:v", "ours");
	assert_int_equal(a.names, 2);
	assert_int_equal(b.names, 2);
	assert_true(pki_asked_same_names(&a, &b));
	assert_false(pki_asked_same_names(&a, &c));
	assert_true(pki_asked_name(&a, &b.name[0]));
	assert_false(pki_asked_name(&a, &c.name[1]));
	/* a URI is not our DNS name */
	pki_asked_remove(&d, "u:v", "ours");
	assert_int_equal(d.names, 2);
}

static void algorithms(void **state)
{
	(void)state;
	static const struct {
		const char *type, *curve, *want;
		size_t bits;
	} key[] = {{"EC", "P-256", "ec-p256", 0}, {"EC", "P-384", "ec-p384", 0},
	    {"EC", "P-521", "ec-p521", 0}, {"ED25519", NULL, "ed25519", 0},
	    {"RSA", NULL, "rsa-2048", 2048}};

	for (size_t i = 0; i < COUNT(key); i++) {
		EVP_PKEY *pair = key[i].curve ? test_ec_key(key[i].curve)
				 : key[i].bits
				     ? EVP_RSA_gen((unsigned)key[i].bits)
				     : EVP_PKEY_Q_keygen(
					   NULL, NULL, key[i].type);
		CLEANUP_BYTES struct bytes der = {0};
		CLEANUP_CSR struct pki_csr *csr = NULL;
		char got[PKI_ALGORITHM];
		const char *reason;
		test_csr(pair,
		    key[i].curve || key[i].bits ? EVP_sha256() : NULL,
		    TEST_NAMES("web1"), &der);
		assert_int_equal(
		    pki_csr_parse(der.data, der.len, &csr, &reason), 0);
		assert_int_equal(pki_csr_algorithm(csr, got), 0);
		assert_string_equal(got, key[i].want);
		EVP_PKEY_free(pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_openssl_writes_it),
	    cmocka_unit_test(nothing_is_asked_for),
	    cmocka_unit_test(every_form_is_listed),
	    cmocka_unit_test(at_most_a_hundred_names),
	    cmocka_unit_test(malformed_names),
	    cmocka_unit_test(other_usages),
	    cmocka_unit_test(twice_is_a_fault),
	    cmocka_unit_test(two_attributes_are_a_fault),
	    cmocka_unit_test(microsofts_attribute),
	    cmocka_unit_test(attributes_of_another_form),
	    cmocka_unit_test(lists_are_compared),
	    cmocka_unit_test(algorithms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
