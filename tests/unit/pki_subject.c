/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/pki/pki.h"
#include "tests/unit/unit.h"

/* Distinguished names as text (RFC 4514). */

static void normal_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} name[] = {
	    {"CN=a", "CN=a"},
	    {"cn=a,commonname=b", "CN=a,CN=b"},
	    {"CN=Enrollment CA,OU=PKI,O=Example,L=Köln,ST=NRW,C=DE",
		"CN=Enrollment CA,OU=PKI,O=Example,L=Köln,ST=NRW,C=DE"},
	    {" CN = a b , O = c ", "CN=a b,O=c"},
	    {"CN=a\\,b,O=\\#c\\2b", "CN=a\\,b,O=\\#c\\+"},
	    {"CN=\\ a\\ ", "CN=\\ a\\ "},
	    {"CN=x,DC=corp,DC=example", "CN=x,DC=corp,DC=example"},
	    {"CN=a=b", "CN=a=b"},
	    {"CN=\\c3\\bc", "CN=ü"},
	};

	for (size_t i = 0; i < COUNT(name); i++) {
		CLEANUP_BYTES struct bytes out = {0}, again = {0};
		const char *reason;
		assert_int_equal(pki_subject(name[i].text, &out, &reason), 0);
		assert_string_equal((char *)out.data, name[i].want);
		assert_int_equal(
		    pki_subject((char *)out.data, &again, &reason), 0);
		assert_string_equal((char *)again.data, name[i].want);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const text[] = {"", "a", "CN", "CN=", "=a", "CN=a,",
	    ",CN=a", "CN=a,,O=b", "CN=a+", "X=y", "CN=\"a\"", "CN=a;O=b",
	    "CN=<a>", "CN=#0403616263", "CN=a\\", "CN=a\\0", "CN=a\\zz",
	    "CN=\\00", "C=Germany", "CN=\\ff", "2.5.4.3=a", "CN=\\#"};

	for (size_t i = 0; i < COUNT(text); i++) {
		CLEANUP_BYTES struct bytes out = {0};
		const char *reason = NULL;
		if (pki_subject(text[i], &out, &reason) != -EINVAL)
			fail_msg("accepted: %s", text[i]);
		assert_non_null(reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(normal_form),
	    cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
