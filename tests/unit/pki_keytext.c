/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

static struct pki_key_text sample(void)
{
	struct pki_key_text key = {
	    .domain = "corp.example", .id = 0x0102030405060708};

	for (int i = 0; i < PKI_SECRET; i++)
		key.secret[i] = (unsigned char)(i * 7);
	for (int i = 0; i < PKI_HASH; i++)
		key.root[i] = (unsigned char)(255 - i);
	return key;
}

static void text_round_trips(void **state)
{
	(void)state;
	struct pki_key_text key = sample(), back;
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;

	assert_int_equal(pki_key_text_format(&key, &text), 0);
	assert_int_equal(text.len, pki_key_text_len(strlen(key.domain)));
	assert_int_equal(text.data[text.len - 1], '\n');
	assert_memory_equal(text.data, "1|corp.example|AQIDBAUGBwg", 26);
	assert_int_equal(
	    pki_key_text_parse((char *)text.data, text.len - 1, &back, &reason),
	    0);
	assert_null(reason);
	assert_memory_equal(&back, &key, sizeof(key));
}

/* Computes the checksum over `1|<domain>|` and the first 72 bytes
 * independently. */
static void checksum_is_as_documented(void **state)
{
	(void)state;
	struct pki_key_text key = sample();
	CLEANUP_BYTES struct bytes text = {0};
	unsigned char input[2 + 12 + 1 + 72], hash[PKI_HASH];
	static const unsigned char id[] = {1, 2, 3, 4, 5, 6, 7, 8};
	char hex[17], command[512];

	memcpy(input, "1|corp.example|", 15);
	memcpy(input + 15, id, 8);
	memcpy(input + 23, key.secret, 32);
	memcpy(input + 55, key.root, 32);
	assert_int_equal(pki_sha256(input, sizeof(input), hash), 0);
	hex_text(hash, 8, hex);
	assert_int_equal(pki_key_text_format(&key, &text), 0);
	snprintf(command, sizeof(command),
	    "test \"$(printf %%s '%.108s' | base64 -d | tail -c 8 | od -An -v -tx1 | tr -d ' \\n')\" = %s",
	    (char *)text.data + 15, hex);
	assert_int_equal(system(command), 0);
}

/* Every single changed character and every truncation is detected. */
static void damage_is_detected(void **state)
{
	(void)state;
	struct pki_key_text key = sample(), back;
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;

	assert_int_equal(pki_key_text_format(&key, &text), 0);
	size_t len = text.len - 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char was = text.data[i];
		text.data[i] = was == 'B' ? 'C' : 'B';
		assert_int_equal(
		    pki_key_text_parse((char *)text.data, len, &back, &reason),
		    -EBADMSG);
		assert_non_null(reason);
		text.data[i] = was;
		assert_int_equal(
		    pki_key_text_parse((char *)text.data, i, &back, &reason),
		    -EBADMSG);
	}
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	struct pki_key_text key = sample(), back;
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;
	static const char *const bad[] = {"", "1", "1|", "1||",
	    "2|corp.example|AAAA", "1|corp.example", "1|corp.example|",
	    "1|Corp.Example|AAAA", "1|corp..example|AAAA", "hello"};

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    pki_key_text_parse(bad[i], strlen(bad[i]), &back, &reason),
		    -EBADMSG);
	/* a NUL does not terminate the domain (found by the fuzzer) */
	assert_int_equal(pki_key_text_format(&key, &text), 0);
	assert_int_equal(bytes_extend(&text, 1), 0);
	memmove(text.data + 15, text.data + 14, text.len - 15);
	text.data[14] = '\0';
	assert_int_equal(
	    pki_key_text_parse((char *)text.data, text.len - 1, &back, &reason),
	    -EBADMSG);
	bytes_free(&text);
	/* a trailing newline, a line break inside */
	assert_int_equal(pki_key_text_format(&key, &text), 0);
	assert_int_equal(
	    pki_key_text_parse((char *)text.data, text.len, &back, &reason),
	    -EBADMSG);
	text.data[40] = '\n';
	assert_int_equal(
	    pki_key_text_parse((char *)text.data, text.len - 1, &back, &reason),
	    -EBADMSG);
}

static void negative_id_is_refused(void **state)
{
	(void)state;
	struct pki_key_text key = sample(), back;
	CLEANUP_BYTES struct bytes text = {0};
	const char *reason;

	key.id = -5;
	assert_int_equal(pki_key_text_format(&key, &text), 0);
	assert_int_equal(
	    pki_key_text_parse((char *)text.data, text.len - 1, &back, &reason),
	    -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_round_trips),
	    cmocka_unit_test(checksum_is_as_documented),
	    cmocka_unit_test(damage_is_detected),
	    cmocka_unit_test(other_forms_are_refused),
	    cmocka_unit_test(negative_id_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
