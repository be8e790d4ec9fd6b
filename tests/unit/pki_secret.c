/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

/* Secrets in texts, and texts that only look like secrets. */

static const char here[] = "corp.example";

/* The text of a key without its newline, NUL-terminated. */
static char *key_text(const char *domain, int64_t id)
{
	struct pki_key_text key = {.id = id};
	struct bytes text = {0};

	strncpy(key.domain, domain, sizeof(key.domain) - 1);
	for (int i = 0; i < PKI_SECRET; i++)
		key.secret[i] = key.root[i] = (unsigned char)(i * 37 + id);
	assert_int_equal(pki_key_text_format(&key, &text), 0);
	text.data[text.len - 1] = '\0';
	return (char *)text.data;
}

/* Copies the text to an exact buffer: a sanitizer detects reads beyond it. */
static int holds(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	int rc = pki_holds_secret(copy, len, here);
	free(copy);
	return rc;
}

static int holds_within(
    const char *before, const char *secret, const char *behind)
{
	CLEANUP_BYTES struct bytes text = {0};

	assert_int_equal(
	    bytes_printf(&text, "%s%s%s", before, secret, behind), 0);
	return holds((char *)text.data, text.len);
}

static void keys(void **state)
{
	(void)state;
	for (int64_t id = 1; id < 40; id++) {
		char *key = key_text(here, id),
		     *foreign = key_text("other.example", id);
		assert_int_equal(holds_within("", key, ""), 1);
		assert_int_equal(
		    holds_within("the key is ", key, ", keep it"), 1);
		assert_int_equal(holds_within("", foreign, ""), 1);
		const char *base64 = strrchr(key, '|') + 1;
		assert_int_equal(holds_within("", base64, ""), 1);
		assert_int_equal(holds_within("xAAAA", base64, "yAAA"), 1);
		/* the checksum includes the domain */
		assert_int_equal(
		    holds_within("", strrchr(foreign, '|') + 1, ""), 0);
		free(key);
		free(foreign);
	}
}

static void folded_and_damaged(void **state)
{
	(void)state;
	char *key = key_text(here, 7);
	size_t len = strlen(key);

	for (size_t fold = 1; fold < 80; fold++) {
		CLEANUP_BYTES struct bytes text = {0};
		for (size_t n = 0; n < len; n += fold)
			assert_int_equal(bytes_printf(&text, "%.*s\r\n \"",
					     (int)fold, key + n),
			    0);
		assert_int_equal(holds((char *)text.data, text.len), 1);
	}
	/* as UTF-16 */
	CLEANUP_BYTES struct bytes wide = {0};
	for (size_t n = 0; n < len; n++)
		assert_int_equal(bytes_add(&wide, (char[]){key[n], 0}, 2), 0);
	assert_int_equal(holds((char *)wide.data, wide.len), 1);
	/* the padding is optional */
	assert_int_equal(holds(key, len - 1), 1);
	assert_int_equal(holds(key, len - 2), 0);
	for (size_t n = len - 50; n < len - 10; n++) {
		char was = key[n];
		key[n] = was == 'A' ? 'B' : 'A';
		assert_int_equal(holds(key, len), 0);
		key[n] = was;
	}
	for (char *p = key; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	assert_int_equal(holds(key, len), 1);
	free(key);
}

static void private_keys(void **state)
{
	(void)state;
	static const char *const secret[] = {
	    "-----BEGIN PRIVATE KEY-----",
	    "-----BEGIN EC PRIVATE KEY-----\nMHc",
	    "see -----BEGIN RSA PRIVATE KEY-----",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----",
	    "-----BEGIN OPENSSH PRIVATE KEY-----",
	    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
	    "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE  KEY-----",
	};
	static const char *const open[] = {
	    "",
	    "-----BEGIN CERTIFICATE-----",
	    "-----BEGIN PUBLIC KEY-----",
	    "the PRIVATE KEY is elsewhere",
	    "-----BEGIN PRIVATE KEY",
	    "-----BEGIN CERTIFICATE----- PRIVATE KEY",
	    "1|corp.example|",
	};
	char zeros[2000];

	for (size_t i = 0; i < COUNT(secret); i++)
		assert_int_equal(holds(secret[i], strlen(secret[i])), 1);
	for (size_t i = 0; i < COUNT(open); i++)
		assert_int_equal(holds(open[i], strlen(open[i])), 0);
	memset(zeros, 'A', sizeof(zeros));
	assert_int_equal(holds(zeros, sizeof(zeros)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(folded_and_damaged),
	    cmocka_unit_test(private_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
