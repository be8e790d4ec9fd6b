/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

/* Replies of outside CAs. The inputs are the fuzzers' corpus. */

static const char
    own[] = "bad6d999bca1a8cee0527cbf57c2bfa99dff338df46b707d188bb892bc844eea";
static const int64_t now = INT64_C(1800000000);

static void load(const char *name, struct bytes *out)
{
	char path[100];
	unsigned char chunk[8192];

	snprintf(path, sizeof(path), "tests/corpus/%s", name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(
	    bytes_add(out, chunk, fread(chunk, 1, sizeof(chunk), file)), 0);
	fclose(file);
}

struct parse_case {
	const char *name;   /* file in the corpus */
	int rc;		    /* expected result */
	const char *reason; /* prefix of the expected reason */
};

static void check(const struct parse_case *want, const unsigned char *key)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;

	load(want->name, &text);
	int rc = pki_bundle_parse(
	    text.data, text.len, key, now, &bundle, &reason);
	if (rc != want->rc ||
	    (rc && strncmp(reason, want->reason, strlen(want->reason))))
		fail_msg("%s: %d, %s", want->name, rc, rc ? reason : "accepted");
}

static void certificates_for_own_key(void **state)
{
	(void)state;
	static const struct parse_case cases[] = {
	    {"cert/self-signed", 0, NULL},
	    {"cert/chain", 0, NULL},
	    {"cert/chain-of-three", 0, NULL},
	    {"cert/with-text", 0, NULL},
	    {"cert/crlf", 0, NULL},
	    {"cert/byte-order-mark", 0, NULL},
	    {"cert/space-before", 0, NULL},
	    {"cert/chain-cut-off", 1,
		"the chain ends before a self-signed certificate"},
	    {"cert/wrong-order", -EBADMSG,
		"the first certificate is for another key"},
	    {"cert/one-behind-the-root", -EBADMSG,
		"there is a certificate behind the self"},
	    {"cert/chain-of-eleven", -EBADMSG, "the chain is too long"},
	    {"cert/expired", -EKEYEXPIRED, "certificate has expired"},
	    {"cert/no-ca", -EBADMSG, "a certificate is not a CA's"},
	    {"cert/may-not-sign-certificates", -EBADMSG,
		"a certificate's keyUsage does not"},
	    {"cert/may-not-sign-crls", -EBADMSG,
		"the certificate's keyUsage does not allow"},
	    {"cert/extension-damaged", -EBADMSG,
		"a certificate has damaged extensions"},
	    {"cert/base64-damaged", -EBADMSG, "a PEM text is damaged"},
	    {"cert/a-request", -EBADMSG, "a PEM text is neither"},
	    {"cert/self-signed.der", -EBADMSG, "this is DER"},
	    {"cert/pkcs7", 0, NULL},
	    {"cert/pkcs7.der", 0, NULL},
	    {"cert/pkcs7-labelled-certificate", 0, NULL},
	    {"cert/pkcs7-in-reverse", 0, NULL},
	    {"cert/pkcs7-without-its-root", 1,
		"the chain ends before a self-signed"},
	    {"cert/pkcs7-of-another-key", -EBADMSG,
		"none of the certificates is for the key"},
	    {"bundle/pkcs12", -EBADMSG,
		"this is PKCS #12: convert it to PEM with `openssl pkcs12"},
	    {"bundle/key.der", -EBADMSG,
		"this is DER: convert it to PEM with `openssl pkey"},
	    {"document/a-private-key", -EINVAL,
		"a private key does not belong here"},
	    {"document/a-word", -EBADMSG, "this is neither PEM nor DER"},
	    {"document/utf-16", -EBADMSG, "this is UTF-16"},
	    {"key_text/whole", -EINVAL,
		"a provisioning key does not belong here"},
	    {"name/utf8", 1, "the certificate is missing"},
	};
	unsigned char hash[PKI_HASH];

	assert_int_equal(hex_bytes(own, strlen(own), hash, PKI_HASH), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], hash);
}

static void certificates_with_private_key(void **state)
{
	(void)state;
	static const struct parse_case cases[] = {
	    {"bundle/import", 0, NULL},
	    {"bundle/ec-parameters-first", 0, NULL},
	    {"bundle/no-key", 1, "the private key is missing"},
	    {"bundle/another-key", -EBADMSG,
		"the first certificate and the private key do"},
	    {"bundle/two-keys", -EBADMSG, "there are two private keys"},
	    {"bundle/encrypted-key", -EBADMSG, "the private key is encrypted"},
	    {"bundle/key-and-pkcs7", 0, NULL},
	    {"bundle/pkcs7-and-key", 0, NULL},
	    {"bundle/as-openssl-pkcs12-writes-it", 0, NULL},
	    {"bundle/byte-order-mark-and-crlf", 0, NULL},
	    {"bundle/pkcs12", -EBADMSG, "this is PKCS #12"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], NULL);
}

/* No prefix of an accepted input is refused. */
static void prefixes_of_pkcs7_are_incomplete(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes text = {0};
	unsigned char hash[PKI_HASH];
	const char *reason;

	load("cert/pkcs7.der", &text);
	assert_int_equal(hex_bytes(own, strlen(own), hash, PKI_HASH), 0);
	for (size_t n = 0; n <= text.len; n++) {
		CLEANUP_BUNDLE struct pki_bundle bundle = {0};
		assert_int_equal(
		    pki_bundle_parse(text.data, n, hash, now, &bundle, &reason),
		    n < text.len);
	}
}

static int count(const void *der, size_t len, void *arg)
{
	struct pki_cert_info info;

	++*(int *)arg;
	return pki_cert_info(der, len, &info);
}

static void chain_iteration(void **state)
{
	(void)state;
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;
	int n = 0;

	load("cert/chain-of-three", &text);
	unsigned char hash[PKI_HASH];
	assert_int_equal(hex_bytes(own, strlen(own), hash, PKI_HASH), 0);
	assert_int_equal(
	    pki_bundle_parse(text.data, text.len, hash, now, &bundle, &reason),
	    0);
	assert_int_equal(
	    pki_chain_each(bundle.chain.data, bundle.chain.len, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(
	    pki_chain_each(bundle.chain.data, bundle.chain.len - 1, count, &n),
	    -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(certificates_for_own_key),
	    cmocka_unit_test(certificates_with_private_key),
	    cmocka_unit_test(prefixes_of_pkcs7_are_incomplete),
	    cmocka_unit_test(chain_iteration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
