/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/enroll/allowed.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

/*
 * Compares the matching of names with another one, slow and by definition: each
 * text is copied, %m is replaced in it, and an address is a text of bits.
 *
 * The input: a byte for how it is read, one for the length of the name that is
 * asked for, the name; then, each ended by NUL, the member, the group's list
 * and the key's.
 */

static const char domain[] = "a.b";

/* --- strings, until the next input --- */

static char arena[1 << 20];
static size_t used;

/* Zeros, and one more. */
static char *room(size_t len)
{
	char *zeros = arena + used;

	if (len >= sizeof(arena) - used)
		abort();
	used += len + 1;
	return memset(zeros, 0, len + 1);
}

static char *part(const char *text, size_t len)
{
	return memcpy(room(len), text, len);
}

static char *join(const char *a, const char *b, const char *c)
{
	char *all = room(strlen(a) + strlen(b) + strlen(c));

	return strcat(strcat(strcat(all, a), b), c);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* --- by definition --- */

static bool label_ok(const char *label)
{
	size_t n = strlen(label);

	for (const char *p = label; *p; p++)
		if (!islower((unsigned char)*p) &&
		    !isdigit((unsigned char)*p) && *p != '-')
			return false;
	return n >= 1 && n <= 63 && label[0] != '-' && label[n - 1] != '-';
}

static bool is_number(const char *label)
{
	return !label[strspn(label, "0123456789")] ||
	       (begins(label, "0x") &&
		   !label[2 + strspn(label + 2, "0123456789abcdef")]);
}

static bool dns_ok(const char *name, const char *percent_m)
{
	const char *dot = strchr(name, '.');
	const char *label = dot ? part(name, (size_t)(dot - name)) : name;
	bool replaced = percent_m && strcmp(label, "%m") == 0;

	if (!replaced && !label_ok(label))
		return false;
	if (dot)
		return dns_ok(dot + 1, percent_m);
	return replaced || !is_number(label);
}

static const char *replace(const char *name, const char *member)
{
	const char *dot = strchr(name, '.');
	const char *label = dot ? part(name, (size_t)(dot - name)) : name;

	if (strcmp(label, "%m") == 0)
		label = member;
	return dot ? join(label, ".", replace(dot + 1, member)) : label;
}

static bool uses_member(const char *name)
{
	const char *dot = strchr(name, '.');

	return begins(name, "%m") && (!name[2] || name[2] == '.')
		   ? true
		   : dot && uses_member(dot + 1);
}

static bool ends_below(const char *name, const char *end, bool deeper)
{
	const char *dot = strchr(name, '.');

	return dot && (strcmp(dot + 1, end) == 0 ||
			  (deeper && ends_below(dot + 1, end, true)));
}

static bool dns_matches(const char *line, const char *name, const char *member)
{
	bool wildcard = begins(name, "*.");

	if (uses_member(line + strspn(line, "\\*.")) && !label_ok(member))
		return false;
	if (begins(line, "\\*."))
		return strcmp(name,
			   join("*.", replace(line + 3, member), "")) == 0;
	if (begins(line, "*."))
		return !wildcard &&
		       ends_below(name, replace(line + 2, member), false);
	if (begins(line, "."))
		return !wildcard &&
		       ends_below(name, replace(line + 1, member), true);
	return strcmp(name, replace(line, member)) == 0;
}

/* An address as 32 or 128 digits 0 and 1; NULL if it is none. */
static const char *bits_of(const unsigned char *address, size_t len)
{
	char *bits = room(8 * len);

	for (size_t i = 0; i < 8 * len; i++)
		bits[i] = address[i / 8] >> (7 - i % 8) & 1 ? '1' : '0';
	return bits;
}

static const char *parse_address(const char *text)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return bits_of(address, 4);
	return inet_pton(AF_INET6, text, address) == 1 ? bits_of(address, 16)
						       : NULL;
}

static bool mapped(const char *bits)
{
	return strlen(bits) == 128 && strspn(bits, "0") == 80 &&
	       strspn(bits + 80, "1") >= 16;
}

/* The bits that an address in a line's network begins with; NULL if the line is
 * none. *all is the number of an address's bits. */
static const char *prefix_of(const char *line, size_t *all)
{
	const char *slash = strchr(line, '/');
	const char *bits = parse_address(
	    slash ? part(line, (size_t)(slash - line)) : line);
	char again[24];

	if (!bits || mapped(bits))
		return NULL;
	*all = strlen(bits);
	unsigned long n = slash ? strtoul(slash + 1, NULL, 10) : *all;
	snprintf(again, sizeof(again), "%lu", n);
	if ((slash && strcmp(again, slash + 1) != 0) || n > *all ||
	    strchr(bits + n, '1'))
		return NULL;
	return part(bits, n);
}

static bool is_network(const char *line)
{
	return strchr(line, ':') || strchr(line, '/') ||
	       (*line && *line != '.' && !line[strspn(line, "0123456789.")]);
}

static bool line_ok(const char *line)
{
	size_t all;

	if (begins(line, "shared "))
		line += strlen("shared ");
	if (is_network(line))
		return prefix_of(line, &all);
	line += begins(line, "\\*.") ? 3
		: begins(line, "*.") ? 2
				     : begins(line, ".");
	return strlen(line) <= 253 && dns_ok(line, "%m");
}

static bool list_ok(const char *list)
{
	const char *end = strchr(list, '\n');

	if (!*list)
		return true;
	return line_ok(end ? part(list, (size_t)(end - list)) : list) &&
	       (!end || list_ok(end + 1));
}

static bool line_allows(
    const char *line, const char *name, const char *bits, const char *member)
{
	size_t all;

	if (!is_network(line))
		return !bits && dns_matches(line, name, member);
	const char *prefix = prefix_of(line, &all);
	return bits && strlen(bits) == all && begins(bits, prefix);
}

static enum allowed list_allows(
    const char *list, const char *name, const char *bits, const char *member)
{
	const char *end = strchr(list, '\n');
	const char *line = end ? part(list, (size_t)(end - list)) : list;
	bool shared = begins(line, "shared ");

	if (!*list)
		return ALLOWED_NOT;
	enum allowed rest = end ? list_allows(end + 1, name, bits, member)
				: ALLOWED_NOT;
	if (rest == ALLOWED_SHARED ||
	    !line_allows(line + (shared ? 7 : 0), name, bits, member))
		return rest;
	return shared ? ALLOWED_SHARED : ALLOWED_ALONE;
}

static bool reserved(const char *name)
{
	return strcmp(name, join("*.", domain, "")) == 0 ||
	       (strspn(name, "0123456789abcdef") == 32 &&
		   strcmp(name + 32, join(".", domain, "")) == 0);
}

/* Whether a name may be asked for at all. */
static bool name_ok(const struct pki_name *name, const char *text)
{
	if (name->type == PKI_NAME_IP)
		return (name->len == 4 || name->len == 16) &&
		       !mapped(bits_of(name->at, name->len));
	return name->type == PKI_NAME_DNS && strlen(text) == name->len &&
	       name->len <= 253 &&
	       dns_ok(begins(text, "*.") ? text + 2 : text, NULL) &&
	       !reserved(text);
}

static enum allowed slow(const struct allowed_lists *lists, const char *member,
    const struct pki_name *name)
{
	const char *text = part((const char *)name->at, name->len);
	const char *bits = name->type == PKI_NAME_IP
			       ? bits_of(name->at, name->len)
			       : NULL;

	if (!name_ok(name, text))
		return ALLOWED_NOT;
	enum allowed group = list_allows(lists->group, text, bits, member);
	enum allowed key = *lists->key
			       ? list_allows(lists->key, text, bits, member)
			       : ALLOWED_SHARED;
	return key < group ? key : group;
}

static bool glob(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return glob(pattern + 1, text) ||
		       (*text && glob(pattern, text + 1));
	if (!*pattern || !*text)
		return !*pattern && !*text;
	return (*pattern == '?' || *pattern == *text) &&
	       glob(pattern + 1, text + 1);
}

static bool globs(const char *list, const char *text)
{
	const char *end = strchr(list, '\n');

	if (!*list)
		return false;
	return glob(end ? part(list, (size_t)(end - list)) : list, text) ||
	       (end && globs(end + 1, text));
}

/* --- both --- */

/* An accepted list is accepted while it is written line by line. */
static bool check(const char *list)
{
	char why[ALLOWED_WHY];
	bool ok = !allowed_names_check(list, why);

	if (ok != list_ok(list))
		abort();
	for (const char *end = list; ok && (end = strchr(end, '\n')); end++)
		if (allowed_names_check(part(list, (size_t)(end - list)), why) ||
		    allowed_names_check(
			part(list, (size_t)(end - list) + 1), why))
			abort();
	return ok;
}

static void compare_globs(const char *list, const char *member)
{
	char why[ALLOWED_WHY];
	int stars = 0;

	for (const char *p = list; *p; p++)
		stars += *p == '*';
	/* more take the slow one too long */
	if (stars > 3 || strlen(member) > 20 || !*list ||
	    allowed_members_check(list, why))
		return;
	if (allowed_member(&(struct allowed_lists){list, NULL}, member, why) !=
	    globs(list, member))
		abort();
}

enum { TEXTS = 3 };

/* The next text of the input, which NUL ends. */
static const char *take(const char **rest)
{
	const char *text = *rest;

	*rest += strlen(text) + 1;
	return text;
}

/* Of a few characters, so that names and lines often agree. */
static void simplify(char *text, size_t len)
{
	static const char few[] = "aabb..0123f*-%m\n\\s/: ?\0\0";

	for (size_t i = 0; i < len; i++)
		text[i] = few[(unsigned char)text[i] % (sizeof(few) - 1)];
}

static void compare(unsigned char how, const unsigned char *data, size_t len)
{
	static const int tag[] = {2, 2, 7, 6};
	static const enum pki_name_type type[] = {
	    PKI_NAME_DNS, PKI_NAME_DNS, PKI_NAME_IP, PKI_NAME_URI};
	size_t n = data[0] % 80u < len ? data[0] % 80u : len - 1;
	char *text = memcpy(room(len + TEXTS), data + 1, len - 1);

	if (how & 4)
		simplify(
		    how & 2 ? text + n : text, how & 2 ? len - 1 - n : len - 1);
	/* allocated, so that no byte behind it is read */
	unsigned char *asked = malloc(n);
	memcpy(asked, text, n);
	const struct pki_name name = {type[how & 3], tag[how & 3], asked, n};
	const char *rest = text + n, *member = take(&rest);
	const struct allowed_lists lists = {
	    .group = take(&rest), .key = take(&rest)};
	const struct allowed_asker asker = {domain, member};
	char why[ALLOWED_WHY] = "";

	compare_globs(lists.group, member);
	if (check(lists.group) && check(lists.key)) {
		enum allowed got = allowed_name(&lists, &asker, &name, why);
		if (got != slow(&lists, member, &name) ||
		    (got == ALLOWED_NOT) != (*why != '\0'))
			abort();
	}
	free(asked);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	if (len > 1 && len < 600)
		compare(data[0], data + 1, len - 1);
	used = 0;
	return 0;
}
