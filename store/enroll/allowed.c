/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/allowed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/parse.h"
#include "store/enroll/entries.h"

/* --- members' names --- */

static const char *glob_fault(struct span line)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?";

	return span_only(line, legal)
		   ? NULL
		   : "has a character other than A-Z, a-z, 0-9, . _ - * and ?";
}

int allowed_members_check(const char *text, char why[ALLOWED_WHY])
{
	return entries_check_lines(text, glob_fault, why);
}

/* Only the last * is tried at several places: what an earlier one could take
 * more, the last one can as well. At most glob.len * name.len steps. */
static bool glob_matches(struct span glob, struct span name)
{
	size_t g = 0, n = 0, star = SIZE_MAX, from = 0;

	while (n < name.len) {
		if (g < glob.len && glob.at[g] == '*') {
			star = g++;
			from = n;
		} else if (g < glob.len &&
			   (glob.at[g] == '?' || glob.at[g] == name.at[n])) {
			g++;
			n++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.at[g] == '*')
		g++;
	return g == glob.len;
}

static bool in_members(const char *list, const void *member)
{
	struct span line;

	while (span_line(&list, &line))
		if (glob_matches(line, span_of(member)))
			return true;
	return false;
}

bool allowed_member(const struct allowed_lists *lists, const char *member,
    char why[ALLOWED_WHY])
{
	char text[ALLOWED_QUOTED];
	const char *owner;

	if (entries_allow(lists, in_members, member, &owner))
		return true;
	snprintf(why, ALLOWED_WHY,
	    "the name \"%s\" is not in the %s's member_names",
	    span_quote(span_of(member), text, sizeof(text)), owner);
	return false;
}

/* --- types of keys --- */

/* What pki_csr_allowed accepts of RSA. */
enum { RSA_MIN = 2048, RSA_MAX = 8192 };

static bool parse_rsa(struct span word, const char *prefix, int64_t *bits)
{
	char text[sizeof("8192")];
	const char *end;

	if (!span_take(&word, prefix) || word.len >= sizeof(text))
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	return !parse_digits(text, bits, &end) && !*end;
}

static bool is_plain_type(struct span word)
{
	return span_is(word, "ec-p256") || span_is(word, "ec-p384") ||
	       span_is(word, "ec-p521") || span_is(word, "ed25519");
}

static const char *key_type_fault(struct span word)
{
	int64_t bits;

	if (is_plain_type(word))
		return NULL;
	if (!parse_rsa(word, "rsa>=", &bits))
		return "is not ec-p256, ec-p384, ec-p521, ed25519 or rsa>= with a number of bits";
	return bits < RSA_MIN || bits > RSA_MAX
		   ? "is not between rsa>=2048 and rsa>=8192"
		   : NULL;
}

int allowed_key_types_check(const char *text, char why[ALLOWED_WHY])
{
	return entries_check_words(text, key_type_fault, why);
}

static bool in_key_types(const char *list, const void *algorithm)
{
	struct span word;
	int64_t least, bits;

	while (span_word(&list, &word)) {
		if (is_plain_type(word) && span_is(word, algorithm))
			return true;
		if (parse_rsa(word, "rsa>=", &least) &&
		    parse_rsa(span_of(algorithm), "rsa-", &bits) &&
		    bits >= least)
			return true;
	}
	return false;
}

bool allowed_key_type(const struct allowed_lists *lists, const char *algorithm,
    char why[ALLOWED_WHY])
{
	char text[ALLOWED_QUOTED];
	const char *owner;

	if (entries_allow(lists, in_key_types, algorithm, &owner))
		return true;
	snprintf(why, ALLOWED_WHY,
	    "a public key of type %s is not in the %s's key_types",
	    span_quote(span_of(algorithm), text, sizeof(text)), owner);
	return false;
}

/* --- usages --- */

/* 0: there is none with this name. */
static unsigned usage_named(struct span word)
{
	if (span_is(word, "client"))
		return PKI_CLIENT_AUTH;
	return span_is(word, "server") ? PKI_SERVER_AUTH : 0;
}

static const char *usage_fault(struct span word)
{
	return usage_named(word) ? NULL : "is not client or server";
}

int allowed_usages_check(const char *text, char why[ALLOWED_WHY])
{
	return entries_check_words(text, usage_fault, why);
}

static unsigned usages_of(const char *list)
{
	unsigned usages = 0;
	struct span word;

	if (!entries_set(list))
		return PKI_USAGES;
	while (span_word(&list, &word))
		usages |= usage_named(word);
	return usages;
}

/* The fault of the usages that are asked for, with this list's owner. */
static int usage_refused(
    unsigned usages, const char *owner, char why[ALLOWED_WHY])
{
	snprintf(why, ALLOWED_WHY,
	    "extended key usage %s is not in the %s's usages",
	    usages & PKI_CLIENT_AUTH ? "clientAuth" : "serverAuth", owner);
	return -EPERM;
}

int allowed_usages(const struct allowed_lists *lists,
    const struct pki_asked *asked, unsigned *out, char why[ALLOWED_WHY])
{
	unsigned group = usages_of(lists->group), key = usages_of(lists->key);

	*out = group & key;
	if (!entries_set(lists->group) && !entries_set(lists->key))
		return 0;
	if (!*out) {
		snprintf(why, ALLOWED_WHY,
		    "the group's and the key's usages have none in common");
		return -EPERM;
	}
	if (!asked || !asked->has_usages)
		return 0;
	if (asked->usages_fault) {
		snprintf(why, ALLOWED_WHY, "the certificate request %s",
		    asked->usages_fault);
		return -EPERM;
	}
	if (asked->usages & ~group)
		return usage_refused(asked->usages & ~group, "group", why);
	if (asked->usages & ~key)
		return usage_refused(asked->usages & ~key, "key", why);
	*out = asked->usages;
	return 0;
}

/* --- lifetime --- */

int allowed_validity_check(const char *text, char why[ALLOWED_WHY])
{
	int64_t seconds;

	if (!*text)
		return 0;
	int rc = parse_duration(text, &seconds);
	if (rc == -EINVAL)
		return entries_refuse(1, span_of(text),
		    "is not a number with s, m, h, d or w", why);
	if (rc || seconds > CLOCK_MAX)
		return entries_refuse(1, span_of(text), "is too long", why);
	if (seconds < ALLOWED_VALIDITY_MIN)
		return entries_refuse(
		    1, span_of(text), "is shorter than ten minutes", why);
	return 0;
}

/* INT64_MAX: no limit. What allowed_validity_check refuses has the least. */
static int64_t validity_of(const char *text)
{
	char why[ALLOWED_WHY];
	int64_t seconds;

	if (!entries_set(text))
		return INT64_MAX;
	return allowed_validity_check(text, why) ||
		       parse_duration(text, &seconds)
		   ? ALLOWED_VALIDITY_MIN
		   : seconds;
}

int64_t allowed_validity(const struct allowed_lists *lists)
{
	int64_t group = validity_of(lists->group),
		key = validity_of(lists->key);
	int64_t least = group < key ? group : key;

	return least == INT64_MAX ? 0 : least;
}
