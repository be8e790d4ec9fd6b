/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/enroll/allowed.h"
#include "tests/unit/unit.h"

#define MEMBER "web1"
#define DOMAIN "corp.example"
#define HEX32 "0123456789abcdef0123456789abcdef"
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct allowed_asker asker = {DOMAIN, MEMBER};

static struct pki_name name_of(
    enum pki_name_type type, int tag, const void *at, size_t len)
{
	return (struct pki_name){type, tag, at, len};
}

static struct pki_name dns(const char *text)
{
	return name_of(PKI_NAME_DNS, 2, text, strlen(text));
}

static enum allowed ask(const char *group, const char *key, const char *text)
{
	const struct pki_name name = dns(text);
	char why[ALLOWED_WHY] = "";
	enum allowed got = allowed_name(
	    &(struct allowed_lists){group, key}, &asker, &name, why);

	assert_int_equal(*why != '\0', got == ALLOWED_NOT);
	for (const char *p = why; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	return got;
}

static void lists_of_names(void **state)
{
	(void)state;
	static const char *const good[] = {"", "host.example", "host.example\n",
	    "a\nb\nc", "*.example", ".example", "\\*.example", "%m.example",
	    "%m", "*.%m.example", "db.%m.example", "10.0.0.0/8", "0.0.0.0/0",
	    "10.1.2.3", "10.1.2.3/32", "2001:db8::/32", "::/0", "::1",
	    "2001:DB8::/32", "shared host.example", "shared 10.0.0.0/8",
	    "shared *.example\nhost.example\n", "xn--mnchen-3ya.example",
	    "1.example", "a--b.example", L63 ".example"};
	static const char *const bad[] = {"\n", "a\n\nb", "a\n\n", " a", "a ",
	    "a\r\nb", "*", ".", "*.", "\\*", "\\*.", "shared ", "shared  a",
	    "shared shared a", "shared *", "shared .", "a.", "..", ".a.",
	    "a..b", "**.a", "a*.b", "*a.b", "a.*.b", "a.*", "*.*.a", "..a",
	    "*..a", "\\*.*.a", "%m%m.a", "a%m.b", "%n.a", "%.a", "_x.a", "a_b",
	    "Host.example", "m\xc3\xbcnchen.example", "-a.b", "a-.b", "a.-",
	    L63 "a.b", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08",
	    "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0/8", "10/8", "010.0.0.0/8",
	    "10.0.0.0/8 ", "10.0.0.0/8/8", "/8", "10.0.0", "256.0.0.1", "1",
	    "a.1", ".1", "*.0x1f", "0x7f.0x1", "::/129", "2001:db8::1/32",
	    "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "::ffff:0:0/96", "::1%lo",
	    "[::1]", "*.10.0.0.0/8", "a/8", "a:1", "http://a.b",
	    "host.example # web"};
	char why[ALLOWED_WHY];

	for (size_t i = 0; i < COUNT(good); i++)
		if (allowed_names_check(good[i], why))
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < COUNT(bad); i++) {
		*why = '\0';
		if (allowed_names_check(bad[i], why) != -EINVAL)
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_true(*why);
	}
	allowed_names_check("a.b\n*\n", why);
	assert_string_equal(why, "entry 2, \"*\", would allow every name");
	allowed_names_check("h\xc3\xbc", why);
	assert_string_equal(why,
	    "entry 1, \"h\\xc3\\xbc\", has a character that is not ASCII: write it as an A-label (xn--...)");
}

/* A name of n characters. */
static const char *long_name(size_t n)
{
	static char name[300];

	for (size_t i = 0; i < n; i++)
		name[i] = i % 50 == 49 && i + 1 < n ? '.' : 'a';
	name[n] = '\0';
	return name;
}

static void names_of_the_longest(void **state)
{
	(void)state;
	char why[ALLOWED_WHY];

	assert_int_equal(allowed_names_check(long_name(253), why), 0);
	assert_int_equal(allowed_names_check(long_name(254), why), -EINVAL);
	/* the end of each of them */
	static const char list[] = ".aaa\n.aaaa\n.aaaaa\n.aa\n.a\n.aaaaaa";
	assert_int_equal(ask(list, NULL, long_name(253)), ALLOWED_ALONE);
	assert_int_equal(ask(list, NULL, long_name(254)), ALLOWED_NOT);
	assert_int_equal(ask(".b", NULL, L63 ".b"), ALLOWED_ALONE);
	assert_int_equal(ask(".b", NULL, L63 "a.b"), ALLOWED_NOT);
}

static void matching(void **state)
{
	(void)state;
	static const struct {
		const char *line, *name;
		enum allowed want;
	} match[] = {
	    {"host.example", "host.example", ALLOWED_ALONE},
	    {"host.example", "host.example2", ALLOWED_NOT},
	    {"host.example", "xhost.example", ALLOWED_NOT},
	    {"host.example", "x.host.example", ALLOWED_NOT},
	    {"host.example", "example", ALLOWED_NOT},
	    {"*.example", "a.example", ALLOWED_ALONE},
	    {"*.example", "a.b.example", ALLOWED_NOT},
	    {"*.example", "example", ALLOWED_NOT},
	    {"*.example", "*.example", ALLOWED_NOT},
	    {"*.example", "a.xexample", ALLOWED_NOT},
	    {".example", "a.example", ALLOWED_ALONE},
	    {".example", "a.b.c.example", ALLOWED_ALONE},
	    {".example", "example", ALLOWED_NOT},
	    {".example", "aexample", ALLOWED_NOT},
	    {".example", "*.example", ALLOWED_NOT},
	    {".example", "*.a.example", ALLOWED_NOT},
	    {"\\*.example", "*.example", ALLOWED_ALONE},
	    {"\\*.example", "a.example", ALLOWED_NOT},
	    {"\\*.example", "example", ALLOWED_NOT},
	    {"\\*.example", "*.a.example", ALLOWED_NOT},
	    {"%m.example", "web1.example", ALLOWED_ALONE},
	    {"%m.example", "web2.example", ALLOWED_NOT},
	    {"%m.example", "%m.example", ALLOWED_NOT},
	    {"*.%m.example", "db.web1.example", ALLOWED_ALONE},
	    {"*.%m.example", "db.web2.example", ALLOWED_NOT},
	    {"\\*.%m.example", "*.web1.example", ALLOWED_ALONE},
	    {"shared vip.example", "vip.example", ALLOWED_SHARED},
	    {".example\nshared vip.example", "vip.example", ALLOWED_SHARED},
	    {"shared vip.example\n.example", "vip.example", ALLOWED_SHARED},
	    {"shared vip.example\n.example", "a.example", ALLOWED_ALONE},
	    {".example", "xn--mnchen-3ya.example", ALLOWED_ALONE},
	    {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example", ALLOWED_ALONE},
	    {"xn--mnchen-3ya.example", "munchen.example", ALLOWED_NOT},
	    {"10.0.0.0/8", "10.0.0.1", ALLOWED_NOT},
	};

	for (size_t i = 0; i < COUNT(match); i++)
		if (ask(match[i].line, NULL, match[i].name) != match[i].want)
			fail_msg("%s, %s", match[i].line, match[i].name);
}

/* Names that no line allows. */
static void names_that_are_never_allowed(void **state)
{
	(void)state;
	static const char all[] =
	    ".example\n*.example\n\\*.example\n\\*.corp.example\n0.0.0.0/0\n::/0\n%m\n*.%m\n\\*.a\n.a";
	static const char *const bad[] = {"", ".", "*", "*.", "*.*.example",
	    "**.example", "a*.example", "*a.example", "a.*.example",
	    "Ab.example", "a_b.example", "_dmarc.example", "a..example",
	    ".a.example", "a.example.", "a.example..", "m\xc3\xbcnchen.example",
	    "\xff.example", "a b.example", "-a.example", "a-.example",
	    "10.0.0.1", "1", "0x7f000001", "a.1", "::1", "2001:db8::1",
	    "a:b.example", "a/b.example", "%m.example", "\\*.example",
	    "a.example\n", "a@b.example", (HEX32 "." DOMAIN), ("*." DOMAIN)};

	for (size_t i = 0; i < COUNT(bad); i++)
		if (ask(all, all, bad[i]) != ALLOWED_NOT)
			fail_msg("\"%s\"", bad[i]);
	/* what is like ours and is not */
	assert_int_equal(ask(all, NULL, HEX32 "0." DOMAIN), ALLOWED_ALONE);
	assert_int_equal(ask(all, NULL, HEX32 ".x." DOMAIN), ALLOWED_ALONE);
	assert_int_equal(ask(all, NULL, HEX32 ".example"), ALLOWED_ALONE);
	assert_int_equal(ask(all, NULL, "x." HEX32 "." DOMAIN), ALLOWED_ALONE);
	assert_int_equal(ask(all, NULL, "www." DOMAIN), ALLOWED_ALONE);
	assert_int_equal(ask(all, NULL, "*.example"), ALLOWED_ALONE);
}

static void a_nul_is_part_of_a_name(void **state)
{
	(void)state;
	const struct pki_name names[] = {
	    name_of(PKI_NAME_DNS, 2, "host.example\0.evil.test", 23),
	    name_of(PKI_NAME_DNS, 2, "host.example", 13),
	    name_of(PKI_NAME_DNS, 2, "\0host.example", 13)};
	const struct allowed_lists lists = {"host.example\n.test", NULL};
	char why[ALLOWED_WHY];

	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(
		    allowed_name(&lists, &asker, &names[i], why), ALLOWED_NOT);
	allowed_name(&lists, &asker, &names[1], why);
	assert_string_equal(why,
	    "DNS name \"host.example\\x00\" has a character other than a-z, 0-9, - and .");
}

static enum allowed ask_address(const char *list, const char *bytes, size_t len)
{
	const struct pki_name name = name_of(PKI_NAME_IP, 7, bytes, len);
	char why[ALLOWED_WHY];

	return allowed_name(
	    &(struct allowed_lists){list, NULL}, &asker, &name, why);
}

static void addresses(void **state)
{
	(void)state;
	static const char v6[] = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
	static const char mapped[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\1\2\3";
	static const char text[] = "10.1.2.3", ten[] = "\x0a\1\2\3";
	static const struct {
		const char *list, *address;
		size_t len;
		enum allowed want;
	} match[] = {
	    {"10.0.0.0/8", ten, 4, ALLOWED_ALONE},
	    {"shared 10.0.0.0/8", ten, 4, ALLOWED_SHARED},
	    {"10.1.2.3", ten, 4, ALLOWED_ALONE},
	    {"10.1.2.2/31", ten, 4, ALLOWED_ALONE},
	    {"10.1.2.0/31", ten, 4, ALLOWED_NOT},
	    {"10.1.2.0/23", ten, 4, ALLOWED_ALONE},
	    {"0.0.0.0/0", ten, 4, ALLOWED_ALONE},
	    {"11.0.0.0/8", ten, 4, ALLOWED_NOT},
	    {"::/0", ten, 4, ALLOWED_NOT},
	    {".example\n*.example", ten, 4, ALLOWED_NOT},
	    {"2001:db8::/32", v6, 16, ALLOWED_ALONE},
	    {"2001:db8::/127", v6, 16, ALLOWED_ALONE},
	    {"2001:db8::/128", v6, 16, ALLOWED_NOT},
	    {"2001:db9::/32", v6, 16, ALLOWED_NOT},
	    {"0.0.0.0/0", v6, 16, ALLOWED_NOT},
	    {"::/0\n0.0.0.0/0\n10.0.0.0/8", mapped, 16, ALLOWED_NOT},
	    {"::/0\n0.0.0.0/0", ten, 3, ALLOWED_NOT},
	    {"::/0\n0.0.0.0/0", mapped, 0, ALLOWED_NOT},
	    {"::/0\n0.0.0.0/0", mapped, 8, ALLOWED_NOT}, /* with its mask */
	    {"10.1.2.3", text, 8, ALLOWED_NOT},
	};

	for (size_t i = 0; i < COUNT(match); i++)
		if (ask_address(match[i].list, match[i].address,
			match[i].len) != match[i].want)
			fail_msg("%s, %zu", match[i].list, i);
}

static void other_types(void **state)
{
	(void)state;
	static const struct {
		int tag;
		const char *said;
	} type[] = {{0, "otherName \"host.example\""},
	    {1, "email address \"host.example\""},
	    {3, "X.400 address \"host.example\""},
	    {4, "directory name \"host.example\""},
	    {5, "EDI party name \"host.example\""}, {6, "URI \"host.example\""},
	    {8, "registered ID \"host.example\""}};
	const struct allowed_lists lists = {"host.example", NULL};

	for (size_t i = 0; i < COUNT(type); i++) {
		const struct pki_name name = name_of(
		    type[i].tag == 6 ? PKI_NAME_URI : PKI_NAME_OTHER,
		    type[i].tag, "host.example", 12);
		char why[ALLOWED_WHY];
		assert_int_equal(
		    allowed_name(&lists, &asker, &name, why), ALLOWED_NOT);
		assert_memory_equal(why, type[i].said, strlen(type[i].said));
	}
}

/* The group grants, the key takes away. */
static void two_lists(void **state)
{
	(void)state;
	static const struct {
		const char *group, *key;
		enum allowed want;
	} lists[] = {
	    {"", "", ALLOWED_NOT},
	    {NULL, NULL, ALLOWED_NOT},
	    {"", ".example", ALLOWED_NOT},
	    {NULL, ".example", ALLOWED_NOT},
	    {".example", "", ALLOWED_ALONE},
	    {".example", ".example", ALLOWED_ALONE},
	    {".example", "b.example", ALLOWED_NOT},
	    {"b.example", ".example", ALLOWED_NOT},
	    {"shared .example", "", ALLOWED_SHARED},
	    {"shared .example", ".example", ALLOWED_ALONE},
	    {".example", "shared .example", ALLOWED_ALONE},
	    {"shared .example", "shared .example", ALLOWED_SHARED},
	};

	for (size_t i = 0; i < COUNT(lists); i++)
		if (ask(lists[i].group, lists[i].key, "a.example") !=
		    lists[i].want)
			fail_msg("%zu", i);
	const struct pki_name name = dns("a.example");
	char why[ALLOWED_WHY];
	allowed_name(
	    &(struct allowed_lists){".example", "b"}, &asker, &name, why);
	assert_string_equal(
	    why, "DNS name \"a.example\" is not in the key's allowed_names");
	allowed_name(&(struct allowed_lists){"", "a"}, &asker, &name, why);
	assert_string_equal(why,
	    "DNS name \"a.example\" is not in the group's allowed_names, which is empty");
}

/* %m is one label. */
static void names_of_members_with_dots(void **state)
{
	(void)state;
	static const struct {
		const char *member, *name;
		enum allowed want;
	} match[] = {{"a", "a.example", ALLOWED_ALONE},
	    {"a.b", "a.b.example", ALLOWED_NOT},
	    {"A", "a.example", ALLOWED_NOT}, {"A", "A.example", ALLOWED_NOT},
	    {"a_b", "a_b.example", ALLOWED_NOT},
	    {"%m", "%m.example", ALLOWED_NOT}, {"", ".example", ALLOWED_NOT}};

	for (size_t i = 0; i < COUNT(match); i++) {
		const struct allowed_asker other = {DOMAIN, match[i].member};
		const struct pki_name name = dns(match[i].name);
		char why[ALLOWED_WHY];
		if (allowed_name(&(struct allowed_lists){"%m.example", NULL},
			&other, &name, why) != match[i].want)
			fail_msg("%s", match[i].member);
	}
}

static void all_names_or_none(void **state)
{
	(void)state;
	struct pki_asked asked = {.has_names = true,
	    .names = 3,
	    .name = {dns("a.example"), dns("vip.example"),
		name_of(PKI_NAME_IP, 7, "\x0a\0\0\1", 4)}};
	const struct allowed_lists
	    all = {".example\nshared vip.example\n10.0.0.0/8", ""},
	    some = {".example", ""}, none = {"", ""};
	bool shared[PKI_NAMES_MAX];
	char why[ALLOWED_WHY];

	assert_int_equal(allowed_names(&all, &asker, &asked, shared, why), 0);
	assert_int_equal(asked.names, 3);
	assert_false(shared[0]);
	assert_true(shared[1]);
	assert_false(shared[2]);
	assert_int_equal(
	    allowed_names(&some, &asker, &asked, shared, why), -EPERM);
	assert_string_equal(
	    why, "IP address \"10.0.0.1\" is not in the group's allowed_names");
	asked.names_fault = "has two subjectAltName";
	assert_int_equal(
	    allowed_names(&all, &asker, &asked, shared, why), -EPERM);
	assert_string_equal(
	    why, "the certificate request has two subjectAltName");
	/* without lists all of it is ignored */
	assert_int_equal(allowed_names(&none, &asker, &asked, shared, why), 0);
	assert_int_equal(asked.names, 0);
	asked.names_fault = NULL;
	for (asked.names = 0; asked.names <= PKI_ASKED_MAX; asked.names++)
		asked.name[asked.names] = dns("a.example");
	assert_int_equal(
	    allowed_names(&all, &asker, &asked, shared, why), -EPERM);
	asked.names--;
	assert_int_equal(allowed_names(&all, &asker, &asked, shared, why), 0);
}

static void names_of_members(void **state)
{
	(void)state;
	static const struct {
		const char *glob, *name;
		bool want;
	} match[] = {{"web*", "web1", true}, {"web*", "web", true},
	    {"web*", "xweb", false}, {"web?", "web1", true},
	    {"web?", "web", false}, {"web?", "web12", false},
	    {"*", "anything", true}, {"web1", "web1", true},
	    {"web1", "Web1", false}, {"Web1", "web1", false},
	    {"a*b*c", "aXbYc", true}, {"a*b*c", "abcbc", true},
	    {"a*b*c", "acb", false}, {"*-*", "web-1", true},
	    {"*-*", "web1", false}, {"**", "a", true}, {"*?*", "a", true},
	    {"db*\nweb*", "web1", true}, {"db*\nweb*\n", "lb1", false},
	    {"a.b", "a.b", true}, {"a.b", "axb", false},
	    {"*a*a*a*a*a*a*a*a*a*a*a*a*b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false}};
	static const char *const bad[] = {"\n", "a\n\nb", "a b", "[ab]", "a\\*",
	    "{a,b}", "a/b", "m\xc3\xbcnchen", "a\r", "shared a", "!a"};
	char why[ALLOWED_WHY];

	for (size_t i = 0; i < COUNT(match); i++) {
		assert_int_equal(allowed_members_check(match[i].glob, why), 0);
		if (allowed_member(&(struct allowed_lists){match[i].glob, ""},
			match[i].name, why) != match[i].want ||
		    allowed_member(&(struct allowed_lists){"", match[i].glob},
			match[i].name, why) != match[i].want)
			fail_msg("%s, %s", match[i].glob, match[i].name);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(allowed_members_check(bad[i], why), -EINVAL);
	assert_true(allowed_member(&(struct allowed_lists){"", ""}, "a", why));
	assert_true(
	    allowed_member(&(struct allowed_lists){"a*", "*b"}, "ab", why));
	assert_false(
	    allowed_member(&(struct allowed_lists){"a*", "*b"}, "ac", why));
	assert_string_equal(
	    why, "the name \"ac\" is not in the key's member_names");
}

static void types_of_keys(void **state)
{
	(void)state;
	static const char *const good[] = {"", "ec-p256",
	    "ec-p256 ec-p384 ec-p521 ed25519 rsa>=3072", "ec-p256\ned25519\n",
	    "rsa>=2048", "rsa>=8192", " ed25519 "};
	static const char *const bad[] = {" ", "\n", "rsa",
	    "rsa>=", "rsa>=1024", "rsa>=8193", "rsa>=99999999999999999999",
	    "rsa-3072", "rsa>=3072x", "rsa>3072", "ec-p224", "EC-P256", "p256",
	    "ec-p256,ed25519"};
	static const struct {
		const char *list, *type;
		bool want;
	} match[] = {{"", "rsa-2048", true}, {"ec-p256", "ec-p256", true},
	    {"ec-p256", "ec-p384", false},
	    {"ec-p256\ned25519", "ed25519", true},
	    {"rsa>=3072", "rsa-3072", true}, {"rsa>=3072", "rsa-4096", true},
	    {"rsa>=3072", "rsa-3071", false}, {"rsa>=3072", "rsa-8192", true},
	    {"rsa>=3072", "ec-p256", false}, {"ed25519", "rsa-4096", false}};
	char why[ALLOWED_WHY];

	for (size_t i = 0; i < COUNT(good); i++)
		if (allowed_key_types_check(good[i], why))
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (allowed_key_types_check(bad[i], why) != -EINVAL)
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < COUNT(match); i++)
		if (allowed_key_type(&(struct allowed_lists){"", match[i].list},
			match[i].type, why) != match[i].want)
			fail_msg("%s, %s", match[i].list, match[i].type);
	assert_false(allowed_key_type(
	    &(struct allowed_lists){"ec-p256 ed25519", "ed25519 ec-p384"},
	    "ec-p256", why));
	assert_string_equal(
	    why, "a public key of type ec-p256 is not in the key's key_types");
}

/* asked: -1 for no extension. Returns 0 if it is refused. */
static unsigned usages(const char *group, const char *key, int asked)
{
	const struct pki_asked all = {.has_usages = asked >= 0,
	    .usages = asked < 0 ? 0u : (unsigned)asked};
	char why[ALLOWED_WHY] = "";
	unsigned got = 0;
	int rc = allowed_usages(
	    &(struct allowed_lists){group, key}, &all, &got, why);

	assert_int_equal(rc, *why ? -EPERM : 0);
	assert_true(rc || got);
	return rc ? 0 : got;
}

static void usages_of_keys(void **state)
{
	(void)state;
	enum { NONE = -1, C = PKI_CLIENT_AUTH, S = PKI_SERVER_AUTH, B = C | S };
	char why[ALLOWED_WHY];
	unsigned got;

	assert_int_equal(usages("", "", NONE), B);
	assert_int_equal(usages("", "", C), B); /* ignored */
	assert_int_equal(usages("client", "", NONE), C);
	assert_int_equal(usages("", "server", NONE), S);
	assert_int_equal(usages("client server", "server", NONE), S);
	assert_int_equal(usages("client\nserver\n", "", C), C);
	assert_int_equal(usages("client server", "", B), B);
	assert_int_equal(usages("client", "", C), C);
	assert_int_equal(usages("client", "", S), 0);
	assert_int_equal(usages("client", "", B), 0);
	assert_int_equal(usages("", "client", S), 0);
	assert_int_equal(usages("client", "server", NONE), 0);
	assert_int_equal(usages("client", "server", C), 0);
	const struct pki_asked wrong = {
	    .has_usages = true, .usages_fault = "has two extKeyUsage"};
	assert_int_equal(allowed_usages(&(struct allowed_lists){"client", ""},
			     &wrong, &got, why),
	    -EPERM);
	assert_string_equal(why, "the certificate request has two extKeyUsage");
	assert_int_equal(
	    allowed_usages(&(struct allowed_lists){"", ""}, &wrong, &got, why),
	    0);
	assert_int_equal(got, B);
	assert_int_equal(allowed_usages_check("client server", why), 0);
	assert_int_equal(allowed_usages_check("", why), 0);
	static const char *const bad[] = {
	    " ", "Client", "client,server", "clientAuth", "both"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(allowed_usages_check(bad[i], why), -EINVAL);
}

static void lifetimes(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "", "10m", "600s", "12h", "30d", "1w", "2932896d"};
	static const char *const bad[] = {"9m", "599s", "0d", "12", "12 h", "h",
	    "+12h", "-1d", "12H", "1d12h", "never", " 1d", "99999999999999w",
	    "99999999999999999999d", "2932897d", "1d\n2d"};
	char why[ALLOWED_WHY];

	for (size_t i = 0; i < COUNT(good); i++)
		if (allowed_validity_check(good[i], why))
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (allowed_validity_check(bad[i], why) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(allowed_validity(&(struct allowed_lists){"", ""}), 0);
	assert_int_equal(allowed_validity(&(struct allowed_lists){0}), 0);
	assert_int_equal(
	    allowed_validity(&(struct allowed_lists){"12h", ""}), 43200);
	assert_int_equal(
	    allowed_validity(&(struct allowed_lists){"", "30d"}), 2592000);
	assert_int_equal(
	    allowed_validity(&(struct allowed_lists){"12h", "30d"}), 43200);
	assert_int_equal(
	    allowed_validity(&(struct allowed_lists){"12h", "10m"}), 600);
}

/* A text from outside is cut before the list is. */
static void long_texts_leave_room(void **state)
{
	(void)state;
	char why[ALLOWED_WHY], text[1000];
	const struct pki_name name = name_of(
	    PKI_NAME_DNS, 2, text, sizeof(text) - 1);

	memset(text, '\xff', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	allowed_name(&(struct allowed_lists){"a", ""}, &asker, &name, why);
	assert_non_null(strstr(why, "...\" is longer than 253 characters"));
	text[250] = '\0';
	allowed_names_check(text, why);
	assert_non_null(strstr(why, "...\", has"));
	assert_non_null(strstr(why, "(xn--...)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_of_names),
	    cmocka_unit_test(names_of_the_longest),
	    cmocka_unit_test(matching),
	    cmocka_unit_test(names_that_are_never_allowed),
	    cmocka_unit_test(a_nul_is_part_of_a_name),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(other_types),
	    cmocka_unit_test(two_lists),
	    cmocka_unit_test(names_of_members_with_dots),
	    cmocka_unit_test(all_names_or_none),
	    cmocka_unit_test(names_of_members),
	    cmocka_unit_test(types_of_keys),
	    cmocka_unit_test(usages_of_keys),
	    cmocka_unit_test(lifetimes),
	    cmocka_unit_test(long_texts_leave_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
