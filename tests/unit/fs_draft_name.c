/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "fs/draft_name.h"
#include "tests/unit/unit.h"

static const struct attr attrs[] = {{.number = 1, .name = "max_uses"},
    {.number = 2, .name = "uses"}, {.number = 3, .name = "import"},
    {.number = 4, .name = "cert.pem"}, {.number = 5, .name = ".key"}};
static const struct kind key = {
    .name = "a key", .attr = attrs, .attrs = COUNT(attrs)};
static const struct attr drops[] = {
    {.number = 40, .name = ".csr", .flags = AT_DROP},
    {.number = 41, .name = ".crt"}};
static const struct kind drop = {.name = "a dropped request",
    .attr = drops,
    .attrs = COUNT(drops),
    .flat = true};

static void made_by_its_flags(void **state)
{
	(void)state;
	static const char *const marked[] = {".x", ".max_uses.AbC123", "#x",
	    "#max_uses#", "x~", "~", "4913", "max_uses~"};
	static const char *const plain[] = {
	    "", "x", "max_use", "4914", "04913", "x~y", "sedAbCdEf"};

	for (size_t i = 0; i < COUNT(marked); i++) {
		assert_true(draft_name_made(marked[i], O_WRONLY | O_EXCL, 0644));
		assert_false(draft_name_made(marked[i], O_WRONLY, 0644));
	}
	for (size_t i = 0; i < COUNT(plain); i++)
		if (draft_name_made(plain[i], O_WRONLY | O_EXCL, 0600))
			fail_msg("%s", plain[i]);
	assert_true(draft_name_made("sedAbCdEf", O_RDWR | O_EXCL, 0600));
	assert_true(
	    draft_name_made("sedAbCdEf", O_RDWR | O_EXCL, S_IFREG | 0600));
	assert_false(draft_name_made("sedAbCdEf", O_RDWR, 0600));
	assert_false(draft_name_made("sedAbCdEf", O_RDWR | O_EXCL, 0644));
}

static void numbered_as_backups(void **state)
{
	static const char *const yes[] = {"max_uses.~1~", "a.~20~", "x.csr.~9~"};
	static const char *const no[] = {"", "~", ".~1~", "a.~~", "a~1~",
	    "a.1~", "a.~1", "a.~x~", "a.~1x~", "max_uses~", "max_uses.bak"};

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(draft_name_numbered(yes[i]));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(draft_name_numbered(no[i]));
}

static void beside_a_file(void **state)
{
	(void)state;
	static const char *const good[] = {"max_uses.bak", "max_uses~",
	    "max_uses#", "max_uses,v", "max_uses-", "max_uses.", "max_uses.~1~",
	    "max_uses20261127-5868-x.lock", "max_uses20261127",
	    "max_uses123456789", "#max_uses#", ".max_uses.swp", ".max_uses~",
	    "uses.bak", "cert.pem.orig", ".cert.pem.swx", ".key.bak",
	    "..key.bak", "import-old", "max_uses.cf-after-edit",
	    "max_uses.4242.2026-11-27@09:15:00~"};
	static const char *const bad[] = {"", ".", "#", "max_use",
	    "max_use.bak", "max_uses", "max_uses2", "max_uses1234567",
	    "max_uses1234567x", "max_uses_", "max_uses bak", "max_usesx",
	    "max_uses+", "imprt", "imprt.bak", "cert.pe", "cert.bak", "cert",
	    "x.max_uses.bak", "..max_uses.bak", "##max_uses.bak",
	    "Max_uses.bak", "es.bak"};

	for (size_t i = 0; i < COUNT(good); i++)
		if (!draft_name_beside(&key, good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (draft_name_beside(&key, bad[i]))
			fail_msg("%s", bad[i]);
}

static void beside_what_is_dropped(void **state)
{
	(void)state;
	static const char *const good[] = {"web1.csr.bak", "web1.csr~",
	    "web1.csr20261127-1-x", "web1.csr20261127-1-x.lock",
	    ".web1.csr.AbC123", "#web1.csr#", "a.csr.b.csr.c",
	    "web1.csr.csr.bak", "web1.csr,v", "web1.csr-", "a.csrx.csr.bak"};
	static const char *const bad[] = {"web1.csr", ".web1.csr", "web1.crt",
	    "web1.crt.bak", "web1.csr2", "web1.csrx", ".csr.bak", "..csr.bak",
	    "web1.bak", "web 1.csr.bak", "-web1.csr.bak", "", ".", "#"};

	for (size_t i = 0; i < COUNT(good); i++)
		if (!draft_name_beside(&drop, good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (draft_name_beside(&drop, bad[i]))
			fail_msg("%s", bad[i]);
	/* what ends like a request is one, unless it is hidden */
	assert_true(draft_name_drops(&drop, "web1.csr"));
	assert_true(draft_name_drops(&drop, "web1.csr.old.csr"));
	assert_true(draft_name_drops(&drop, "#web1.csr"));
	assert_true(draft_name_drops(&drop, "a b.csr"));
	assert_false(draft_name_drops(&drop, ".web1.csr"));
	assert_false(draft_name_drops(&drop, "web1.csr.bak"));
	assert_false(draft_name_drops(&drop, "web1.crt"));
	assert_false(draft_name_drops(&key, "x.csr"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(made_by_its_flags),
	    cmocka_unit_test(numbered_as_backups),
	    cmocka_unit_test(beside_a_file),
	    cmocka_unit_test(beside_what_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
