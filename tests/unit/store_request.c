/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/internal.h"
#include "tests/unit/csrs.h"
#include "tests/unit/unit.h"

/* Fed a byte at a time, a request is complete at exactly one point. */
static void complete_at(bool with_key, const struct bytes *whole, size_t at)
{
	for (size_t n = 0; n <= whole->len; n++) {
		/* a copy of its own, so that a sanitizer sees any look beyond it */
		unsigned char *part = malloc(n ? n : 1);
		memcpy(part, whole->data, n);
		bool complete = store_request_complete(with_key, part, n);
		free(part);
		if (complete != (n >= at))
			fail_msg("%zu of %zu bytes: %d", n, whole->len, complete);
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
	complete_at(false, &csr, csr.len);
	add_key(&whole);
	assert_int_equal(bytes_add(&whole, csr.data, csr.len), 0);
	complete_at(true, &whole, whole.len);
}

static void pem(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0}, text = {0};

	test_simple_csr("web1", &csr);
	assert_int_equal(pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &whole), 0);
	complete_at(false, &whole, whole.len - 1);
	assert_int_equal(bytes_add(&text, "\n\n", 2), 0);
	add_key(&text);
	assert_int_equal(bytes_add(&text, "\r\n", 2), 0);
	size_t before = text.len;
	assert_int_equal(bytes_add(&text, whole.data, whole.len), 0);
	complete_at(true, &text, before + whole.len - 1);
}

static void the_text_of_openssl_req(void **state)
{
	(void)state;
	static const char heading[] = "Certificate Request:\n    Data:\n        Version: 1 (0x0)\n";
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0};

	test_simple_csr("web1", &csr);
	assert_int_equal(bytes_add(&whole, heading, strlen(heading)), 0);
	assert_int_equal(pki_pem(PKI_LABEL_REQUEST, csr.data, csr.len, &whole), 0);
	complete_at(false, &whole, whole.len - 1);
}

/* What can never become a request is told at once. */
static void hopeless_cases(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes key = {0};

	assert_true(store_request_complete(false, "garbage", 7));
	assert_true(store_request_complete(false, "\n g", 3));
	assert_false(store_request_complete(false, "-----BEGIN", 10));
	assert_false(store_request_complete(false, " \n", 2));
	assert_true(store_request_complete(false, "\x30\x80", 2));
	assert_true(store_request_complete(false, "\x30\x83", 2));
	assert_false(store_request_complete(false, "\x30\x02x", 3));
	assert_true(store_request_complete(false, "\x30\x02xy", 4));
	assert_false(store_request_complete(false, "\x30", 1));
	assert_true(store_request_complete(true, "hello\n", 6));
	assert_false(store_request_complete(true, "hello", 5));
	add_key(&key);
	assert_false(store_request_complete(true, key.data, key.len - 1));
	assert_false(store_request_complete(true, key.data, key.len));
	key.data[30] ^= 1;
	assert_true(store_request_complete(true, key.data, key.len));
	char long_line[300];
	memset(long_line, 'a', sizeof(long_line));
	assert_true(store_request_complete(true, long_line, sizeof(long_line)));
	assert_false(store_request_complete(true, long_line, 200));
}

static void splitting(void **state)
{
	(void)state;
	struct request r;

	assert_int_equal(request_split(true, "\n key \r\n\n csr", 13, &r), 0);
	assert_int_equal(r.key_len, 3);
	assert_memory_equal(r.key_text, "key", 3);
	assert_int_equal(r.csr_len, 3);
	assert_memory_equal(r.csr, "csr", 3);
	assert_int_equal(request_split(true, "key", 3, &r), -EBADMSG);
	assert_int_equal(request_split(false, "csr", 3, &r), 0);
	assert_null(r.key_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(der),
		cmocka_unit_test(pem),
		cmocka_unit_test(the_text_of_openssl_req),
		cmocka_unit_test(hopeless_cases),
		cmocka_unit_test(splitting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
