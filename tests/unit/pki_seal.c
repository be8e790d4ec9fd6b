/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

static const unsigned char
    master[PKI_SECRET] = "an even thirty-two byte long key";
static const char secret[] = "the secret";

static struct pki_sealer *sealer(const unsigned char *key, const char *store)
{
	struct pki_sealer *s;

	assert_int_equal(pki_sealer_new(key, store, &s), 0);
	return s;
}

static void round_trip(void **state)
{
	(void)state;
	struct pki_sealer *s = sealer(master, "store");
	CLEANUP_BYTES struct bytes box = {0}, again = {0}, plain = {0};

	assert_int_equal(pki_seal(s, "key", 7, secret, sizeof(secret), &box), 0);
	assert_int_equal(
	    pki_seal(s, "key", 7, secret, sizeof(secret), &again), 0);
	assert_int_equal(box.len, again.len);
	assert_memory_not_equal(box.data, again.data, box.len);
	assert_null(memmem(box.data, box.len, secret, 5));
	assert_int_equal(pki_unseal(s, "key", 7, box.data, box.len, &plain), 0);
	assert_int_equal(plain.len, sizeof(secret));
	assert_string_equal((char *)plain.data, secret);
	pki_sealer_free(s);
}

static void opens_nowhere_else(void **state)
{
	(void)state;
	unsigned char other[PKI_SECRET] = {1};
	struct pki_sealer *s = sealer(master, "store"),
			  *foreign = sealer(master, "other store"),
			  *wrong = sealer(other, "store");
	CLEANUP_BYTES struct bytes box = {0}, plain = {0};

	assert_int_equal(pki_seal(s, "key", 7, secret, sizeof(secret), &box), 0);
	assert_int_equal(
	    pki_unseal(s, "key", 8, box.data, box.len, &plain), -EBADMSG);
	assert_int_equal(
	    pki_unseal(s, "cert", 7, box.data, box.len, &plain), -EBADMSG);
	assert_int_equal(
	    pki_unseal(foreign, "key", 7, box.data, box.len, &plain), -EBADMSG);
	assert_int_equal(
	    pki_unseal(wrong, "key", 7, box.data, box.len, &plain), -EBADMSG);
	for (size_t i = 0; i < box.len; i++) {
		box.data[i] ^= 1;
		assert_int_equal(
		    pki_unseal(s, "key", 7, box.data, box.len, &plain),
		    -EBADMSG);
		box.data[i] ^= 1;
		assert_int_equal(
		    pki_unseal(s, "key", 7, box.data, i, &plain), -EBADMSG);
	}
	assert_int_equal(plain.len, 0);
	pki_sealer_free(s);
	pki_sealer_free(foreign);
	pki_sealer_free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(opens_nowhere_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
