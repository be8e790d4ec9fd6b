/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/enroll/request.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

/* Fed a byte at a time, a request is complete at exactly one point. */
static void complete_at(
    enum store_request form, const struct bytes *whole, size_t at)
{
	for (size_t n = 0; n <= whole->len; n++) {
		/* a copy of its own, so that a sanitizer sees any look beyond
		 * it */
		unsigned char *part = malloc(n ? n : 1);
		memcpy(part, whole->data, n);
		bool complete = store_request_complete(form, part, n);
		free(part);
		if (complete != (n >= at))
			fail_msg(
			    "%zu of %zu bytes: %d", n, whole->len, complete);
	}
}

static void add_key(struct bytes *out)
{
	struct pki_key_text key = {.domain = "corp.example", .id = 1};

	assert_int_equal(pki_key_text_format(&key, out), 0);
}

static void der(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0};

	test_simple_csr("web1", &csr);
	complete_at(STORE_CSR, &csr, csr.len);
	add_key(&whole);
	assert_int_equal(bytes_add(&whole, csr.data, csr.len), 0);
	complete_at(STORE_KEY_AND_CSR, &whole, whole.len);
}

static void pem(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0}, text = {0};

	test_simple_csr("web1", &csr);
	assert_int_equal(
	    pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &whole), 0);
	complete_at(STORE_CSR, &whole, whole.len - 1);
	assert_int_equal(bytes_add(&text, "\n\n", 2), 0);
	add_key(&text);
	assert_int_equal(bytes_add(&text, "\r\n", 2), 0);
	size_t before = text.len;
	assert_int_equal(bytes_add(&text, whole.data, whole.len), 0);
	complete_at(STORE_KEY_AND_CSR, &text, before + whole.len - 1);
}

static void the_text_of_openssl_req(void **state)
{
	(void)state;
	static const char heading[] =
	    "Certificate Request:\n    Data:\n        Version: 1 (0x0)\n";
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0};

	test_simple_csr("web1", &csr);
	assert_int_equal(bytes_add(&whole, heading, strlen(heading)), 0);
	assert_int_equal(
	    pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &whole), 0);
	complete_at(STORE_CSR, &whole, whole.len - 1);
}

/* What can never become a request is told at once. */
static void hopeless_cases(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes key = {0};

	assert_true(store_request_complete(STORE_CSR, "garbage\n", 8));
	assert_true(store_request_complete(STORE_CSR, "\n g\n", 4));
	assert_true(store_request_complete(STORE_CSR, "\x01", 1));
	assert_true(store_request_complete(STORE_CSR, "a: b\n\x7f", 6));
	assert_true(store_request_complete(STORE_CSR, "1|", 2));
	assert_true(store_request_complete(STORE_CSR, "-\0", 2));
	assert_true(store_request_complete(STORE_CSR, "\xff\xfe", 2));
	assert_true(store_request_complete(
	    STORE_CSR, "-----BEGIN CERTIFICATE-----", 27));
	assert_false(store_request_complete(
	    STORE_CSR, "-----BEGIN CERTIFICATE----", 26));
	assert_true(store_request_complete(
	    STORE_CSR, "-----BEGIN EC PRIVATE KEY-----", 30));
	assert_false(store_request_complete(STORE_CSR, "-----BEGIN", 10));
	assert_false(store_request_complete(STORE_CSR, " \n", 2));
	assert_true(store_request_complete(STORE_CSR, "\x30\x80", 2));
	assert_true(store_request_complete(STORE_CSR, "\x30\x83\x01", 3));
	assert_false(store_request_complete(STORE_CSR, "\x30\x02x", 3));
	assert_true(store_request_complete(STORE_CSR, "\x30\x02xy", 4));
	assert_false(store_request_complete(STORE_CSR, "\x30", 1));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "hello\n", 6));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "h", 1));
	add_key(&key);
	assert_false(
	    store_request_complete(STORE_KEY_AND_CSR, key.data, key.len - 1));
	assert_false(
	    store_request_complete(STORE_KEY_AND_CSR, key.data, key.len));
	key.data[30] ^= 1;
	assert_true(
	    store_request_complete(STORE_KEY_AND_CSR, key.data, key.len));
	static char long_line[9000] = "a: ";
	memset(long_line + 3, 'a', sizeof(long_line) - 3);
	assert_true(
	    store_request_complete(STORE_CSR, long_line, sizeof(long_line)));
	assert_false(store_request_complete(STORE_CSR, long_line, 8000));
}

static void splitting(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;
	struct request r;

	assert_int_equal(bytes_add(&text, "\n ", 2), 0);
	add_key(&text);
	size_t key = text.len - 1;
	assert_int_equal(bytes_add(&text, "\n\n csr", 6), 0);
	assert_int_equal(
	    request_split(STORE_KEY_AND_CSR, text.data, text.len, &r, &reason),
	    0);
	assert_ptr_equal(r.key_text, text.data);
	assert_int_equal(r.key_len, key);
	assert_ptr_equal(r.csr, text.data + key);
	assert_int_equal(r.csr_len, text.len - key);
	/* what is no key is left to whoever reads it */
	assert_int_equal(
	    request_split(STORE_KEY_AND_CSR, "key", 3, &r, &reason), 0);
	assert_int_equal(r.key_len, 3);
	assert_int_equal(request_split(STORE_CSR, "csr", 3, &r, &reason), 0);
	assert_null(r.key_text);
	assert_int_equal(
	    request_split(STORE_CSR_AND_PROOF, "a\n", 2, &r, &reason), -EBADMSG);
	assert_string_equal(reason, "this is neither PEM nor DER");
}

/* Appends a text that stands around or between, then the other. */
static void add(struct bytes *out, const char *text)
{
	assert_int_equal(bytes_add(out, text, strlen(text)), 0);
}

/* What programs and people put before and into a provisioning key's text. */
static void keys_from_elsewhere(void **state)
{
	(void)state;
	static const struct {
		const char *before, *behind;
	} form[] = {
	    {"", "\n"},
	    {"", ""},
	    {"\xef\xbb\xbf", "\r\n"},
	    {" \t\n", " \t\r\n\n"},
	    {"\xef\xbb\xbf\r\n ", " "},
	};

	for (size_t i = 0; i < COUNT(form); i++) {
		CLEANUP_BYTES struct bytes key = {0}, csr = {0}, whole = {0};
		add_key(&key);
		test_simple_csr("web1", &csr);
		add(&whole, form[i].before);
		assert_int_equal(bytes_add(&whole, key.data, key.len - 1), 0);
		add(&whole, form[i].behind);
		size_t before = whole.len;
		assert_int_equal(
		    pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &whole), 0);
		complete_at(STORE_KEY_AND_CSR, &whole, whole.len - 1);
		whole.len = before;
		assert_int_equal(bytes_add(&whole, csr.data, csr.len), 0);
		complete_at(STORE_KEY_AND_CSR, &whole, whole.len);
	}
}

/* What can never become a key is told as soon as it shows. */
static void keys_that_are_none(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes key = {0};

	add_key(&key);
	key.len--;
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "2|", 2));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "1|Corp", 6));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "\"1", 1));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "1|corp\n", 7));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "-----BEGIN", 10));
	assert_false(store_request_complete(STORE_KEY_AND_CSR, "\xef\xbb", 2));
	assert_true(store_request_complete(STORE_KEY_AND_CSR, "\xff\xfe", 2));
	/* cut short, and too long, and on two lines */
	CLEANUP_BYTES struct bytes text = {0};
	assert_int_equal(bytes_add(&text, key.data, 40), 0);
	add(&text, "\n");
	assert_true(
	    store_request_complete(STORE_KEY_AND_CSR, text.data, text.len));
	bytes_free(&text);
	assert_int_equal(bytes_add(&text, key.data, key.len - 4), 0);
	add(&text, "\n-");
	assert_true(
	    store_request_complete(STORE_KEY_AND_CSR, text.data, text.len));
	bytes_free(&text);
	assert_int_equal(bytes_add(&text, key.data, key.len), 0);
	add(&text, "A");
	assert_true(
	    store_request_complete(STORE_KEY_AND_CSR, text.data, text.len));
}

/* What stands before a request in PEM, and how its lines may be. */
static void requests_from_elsewhere(void **state)
{
	(void)state;
	static const char *const before[] = {
	    "\xef\xbb\xbf",
	    "\r\n\t",
	    "Subject: CN=web1\nIssuer: none\n\n",
	    "PKCS #10 Certificate Request Information:\n\tVersion: 1\n\n",
	    "# the request of web1\r\n",
	    "Bag Attributes\n    friendlyName: web1\n",
	    "0 s:CN = web1\n",
	    "\xef\xbb\xbfSubject: CN=M\xfcnchen\n",
	    "The request of web1, see -----BEGIN below.\n  \"",
	};

	for (size_t i = 0; i < COUNT(before); i++) {
		CLEANUP_BYTES struct bytes csr = {0}, pem = {0}, whole = {0};
		test_simple_csr("web1", &csr);
		assert_int_equal(
		    pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &pem), 0);
		add(&whole, before[i]);
		assert_int_equal(bytes_add(&whole, pem.data, pem.len), 0);
		complete_at(STORE_CSR, &whole, whole.len - 1);
		/* the same with the carriage return alone, and all on one
		 * line */
		for (size_t n = 0; n < whole.len; n++)
			if (whole.data[n] == '\n')
				whole.data[n] = '\r';
		complete_at(STORE_CSR, &whole, whole.len - 1);
		for (size_t n = 0; n < pem.len; n++)
			if (pem.data[n] == '\n')
				pem.data[n] = ' ';
		complete_at(STORE_CSR, &pem, pem.len - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(der),
	    cmocka_unit_test(pem),
	    cmocka_unit_test(the_text_of_openssl_req),
	    cmocka_unit_test(hopeless_cases),
	    cmocka_unit_test(splitting),
	    cmocka_unit_test(keys_from_elsewhere),
	    cmocka_unit_test(keys_that_are_none),
	    cmocka_unit_test(requests_from_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
