/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/parse.h"
#include "store/enroll/allowed.h"
#include "store/enroll/entries.h"

/* Names that a request asks for, and lines of allowed_names. */

/* --- DNS names --- */

enum { LABEL_MAX = 63, DNS_MAX = 253 };

/* The first label, with what is behind its dot in *rest; rest->at is NULL if
 * there is no dot. */
static struct span first_label(struct span name, struct span *rest)
{
	const char *dot = memchr(name.at, '.', name.len);
	size_t len = dot ? (size_t)(dot - name.at) : name.len;

	*rest = (struct span){0};
	if (dot)
		*rest = (struct span){dot + 1, name.len - len - 1};
	return (struct span){name.at, len};
}

static const char *byte_fault(char byte)
{
	if ((unsigned char)byte >= 0x80)
		return "has a character that is not ASCII: write it as an A-label (xn--...)";
	if (byte >= 'A' && byte <= 'Z')
		return "has a capital letter";
	if (byte == '*')
		return "has a * that is not its whole first label";
	return "has a character other than a-z, 0-9, - and .";
}

static const char *label_fault(struct span label)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (!label.len)
		return "has an empty label";
	for (size_t i = 0; i < label.len; i++)
		if (!span_only((struct span){label.at + i, 1}, legal))
			return byte_fault(label.at[i]);
	if (label.len > LABEL_MAX)
		return "has a label of more than 63 characters";
	if (label.at[0] == '-' || label.at[label.len - 1] == '-')
		return "has a label that begins or ends with -";
	return NULL;
}

/* Whether clients read a name with this last label as an IPv4 address, as
 * inet_aton(3) does: a decimal or hexadecimal number. */
static bool is_number(struct span label)
{
	return span_only(label, "0123456789") ||
	       (span_take(&label, "0x") && span_only(label, "0123456789abcdef"));
}

/* NULL, or why it is no DNS name. In a line %m may take a label's place. */
static const char *dns_fault(struct span name, bool in_line)
{
	struct span label = {0}, rest = name;

	if (!name.len)
		return "has no label";
	if (name.at[name.len - 1] == '.')
		return "ends with a dot";
	if (name.len > DNS_MAX)
		return "is longer than 253 characters";
	while (rest.at) {
		label = first_label(rest, &rest);
		const char *fault = in_line && span_is(label, "%m")
					? NULL
					: label_fault(label);
		if (fault)
			return fault;
	}
	return is_number(label) ? "can be read as an address" : NULL;
}

static size_t count_labels(struct span name)
{
	size_t n = 0;

	for (; name.at; n++)
		first_label(name, &name);
	return n;
}

/* Whether a name is the one of a line. */
static bool dns_equal(struct span name, struct span line, const char *member)
{
	while (name.at && line.at) {
		struct span label = first_label(name, &name),
			    want = first_label(line, &line);
		if (span_is(want, "%m"))
			want = span_of(member);
		if (!span_equal(label, want))
			return false;
	}
	return !name.at && !line.at;
}

/* --- addresses --- */

enum { IPV4 = 4, IPV6 = 16 };

/* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */
static bool is_mapped(const unsigned char *address, size_t len)
{
	static const unsigned char prefix[] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return len == IPV6 && memcmp(address, prefix, sizeof(prefix)) == 0;
}

/* Bit number n of an address; the first one is the highest. */
static bool bit(const unsigned char *address, size_t n)
{
	return address[n / 8] & 0x80 >> n % 8;
}

struct network {
	unsigned char address[IPV6];
	size_t len;  /* IPV4 or IPV6 */
	size_t bits; /* of the prefix */
};

/* Parses the decimal number behind the slash. */
static bool parse_bits(const char *text, struct network *out)
{
	const char *end;
	int64_t bits;

	if (parse_digits(text, &bits, &end) || *end ||
	    (text[0] == '0' && text[1]) || bits > (int64_t)(8 * out->len))
		return false;
	out->bits = (size_t)bits;
	return true;
}

/* Returns NULL or a fault. An address is a network of its own. */
static const char *parse_network(struct span line, struct network *out)
{
	static const char fault[] =
	    "is neither an address nor a network (10.0.0.0/8, 2001:db8::/32)";
	char text[INET6_ADDRSTRLEN + sizeof("/128")];

	if (line.len >= sizeof(text))
		return fault;
	memcpy(text, line.at, line.len);
	text[line.len] = '\0';
	char *slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	bool six = strchr(text, ':');
	if (inet_pton(six ? AF_INET6 : AF_INET, text, out->address) != 1)
		return fault;
	out->len = six ? IPV6 : IPV4;
	out->bits = 8 * out->len;
	if (slash && !parse_bits(slash, out))
		return fault;
	if (is_mapped(out->address, out->len))
		return "is an IPv4-mapped address: write it as IPv4";
	for (size_t i = out->bits; i < 8 * out->len; i++)
		if (bit(out->address, i))
			return "has bits set behind its prefix";
	return NULL;
}

static bool in_network(const struct network *network, struct span address)
{
	const unsigned char *p = (const unsigned char *)address.at;

	if (address.len != network->len)
		return false;
	for (size_t i = 0; i < network->bits; i++)
		if (bit(p, i) != bit(network->address, i))
			return false;
	return true;
}

/* --- lines of allowed_names --- */

struct rule {
	enum { EXACT, ONE_LABEL, MORE_LABELS, WILDCARD, NETWORK } kind;
	bool shared;
	struct span name; /* without `*.`, `.` or `\*.` */
	struct network network;
};

static bool is_network(struct span line)
{
	return memchr(line.at, ':', line.len) ||
	       memchr(line.at, '/', line.len) || span_only(line, "0123456789.");
}

/* Returns NULL or a fault. */
static const char *parse_rule(struct span line, struct rule *out)
{
	out->shared = span_take(&line, "shared ");
	if (span_is(line, "*") || span_is(line, "*.") || span_is(line, "."))
		return "would allow every name";
	if (span_take(&line, "\\*."))
		out->kind = WILDCARD;
	else if (span_take(&line, "*."))
		out->kind = ONE_LABEL;
	else if (span_take(&line, "."))
		out->kind = MORE_LABELS;
	else
		out->kind = is_network(line) && line.len ? NETWORK : EXACT;
	out->name = line;
	return out->kind == NETWORK ? parse_network(line, &out->network)
				    : dns_fault(line, true);
}

static const char *names_fault(struct span line)
{
	struct rule rule;

	return parse_rule(line, &rule);
}

int allowed_names_check(const char *text, char why[ALLOWED_WHY])
{
	return entries_check_lines(text, names_fault, why);
}

/* --- names that are asked for --- */

/* A name that may be in a list. */
struct asked {
	bool address, wildcard;
	struct span name; /* without `*.` */
	const char *member;
};

/* Whether it is `<32 hex>.<domain>`, which pki_issue gives to each member, or
 * the wildcard that matches it. */
static bool is_ours(const struct asked *asked, const char *domain)
{
	struct span rest, label = first_label(asked->name, &rest);

	if (asked->wildcard)
		return span_is(asked->name, domain);
	return label.len == PKI_HASH && span_only(label, "0123456789abcdef") &&
	       rest.at && span_is(rest, domain);
}

static const char *address_fault(const struct pki_name *name)
{
	if (name->len != IPV4 && name->len != IPV6)
		return "does not have 4 or 16 bytes";
	return is_mapped(name->at, name->len) ? "is an IPv4-mapped address"
					      : NULL;
}

/* Why a name can never be allowed, or NULL. Fills out. */
static const char *asked_fault(const struct pki_name *name,
    const struct allowed_asker *asker, struct asked *out)
{
	*out = (struct asked){
	    .address = name->type == PKI_NAME_IP,
	    .name = {(const char *)name->at, name->len},
	    .member = asker->member,
	};
	if (out->address)
		return address_fault(name);
	if (name->type != PKI_NAME_DNS)
		return "is not a DNS name or an IP address";
	if (name->len > DNS_MAX)
		return "is longer than 253 characters";
	out->wildcard = span_take(&out->name, "*.");
	const char *fault = dns_fault(out->name, false);
	if (!fault && is_ours(out, asker->domain))
		return "is reserved for the names that certificates get on their own";
	return fault;
}

static bool rule_matches(const struct rule *rule, const struct asked *asked)
{
	struct span name = asked->name;

	if (asked->address || rule->kind == NETWORK)
		return asked->address && rule->kind == NETWORK &&
		       in_network(&rule->network, name);
	if (asked->wildcard || rule->kind == WILDCARD)
		return asked->wildcard && rule->kind == WILDCARD &&
		       dns_equal(name, rule->name, asked->member);
	size_t more = count_labels(name), want = count_labels(rule->name);
	if (more < want)
		return false;
	more -= want;
	if (rule->kind == MORE_LABELS ? more < 1
				      : more != (rule->kind == ONE_LABEL))
		return false;
	while (more--)
		first_label(name, &name);
	return dns_equal(name, rule->name, asked->member);
}

static enum allowed in_names(const char *list, const struct asked *asked)
{
	enum allowed best = ALLOWED_NOT;
	struct span line;
	struct rule rule;

	while (best != ALLOWED_SHARED && span_line(&list, &line)) {
		if (parse_rule(line, &rule) || !rule_matches(&rule, asked))
			continue;
		best = rule.shared ? ALLOWED_SHARED : ALLOWED_ALONE;
	}
	return best;
}

/* For a reason: DNS name "host.example". */
static void describe(const struct pki_name *name, char out[ALLOWED_QUOTED + 32])
{
	/* GeneralName, RFC 5280 4.2.1.6 */
	static const char *const type[] = {"otherName", "email address",
	    "DNS name", "X.400 address", "directory name", "EDI party name",
	    "URI", "IP address", "registered ID"};
	char text[ALLOWED_QUOTED];

	if (name->type == PKI_NAME_IP &&
	    (name->len == IPV4 || name->len == IPV6))
		inet_ntop(name->len == IPV4 ? AF_INET : AF_INET6, name->at,
		    text, sizeof(text));
	else
		span_quote((struct span){(const char *)name->at, name->len},
		    text, sizeof(text));
	snprintf(out, ALLOWED_QUOTED + 32, "%s \"%s\"", type[name->tag], text);
}

static enum allowed not_in(const char *text, const char *owner,
    const char *list, char why[ALLOWED_WHY])
{
	snprintf(why, ALLOWED_WHY, "%s is not in the %s's allowed_names%s",
	    text, owner, entries_set(list) ? "" : ", which is empty");
	return ALLOWED_NOT;
}

enum allowed allowed_name(const struct allowed_lists *lists,
    const struct allowed_asker *asker, const struct pki_name *name,
    char why[ALLOWED_WHY])
{
	struct asked asked;
	char text[ALLOWED_QUOTED + 32];
	const char *fault = asked_fault(name, asker, &asked);

	describe(name, text);
	if (fault) {
		snprintf(why, ALLOWED_WHY, "%s %s", text, fault);
		return ALLOWED_NOT;
	}
	enum allowed group = entries_set(lists->group)
				 ? in_names(lists->group, &asked)
				 : ALLOWED_NOT;
	if (group == ALLOWED_NOT)
		return not_in(text, "group", lists->group, why);
	if (!entries_set(lists->key))
		return group;
	enum allowed key = in_names(lists->key, &asked);
	if (key == ALLOWED_NOT)
		return not_in(text, "key", lists->key, why);
	return key < group ? key : group;
}

int allowed_names(const struct allowed_lists *lists,
    const struct allowed_asker *asker, struct pki_asked *asked,
    bool shared[PKI_NAMES_MAX], char why[ALLOWED_WHY])
{
	const char *fault = asked->names_fault;

	if (!entries_set(lists->group) && !entries_set(lists->key)) {
		asked->names = 0;
		return 0;
	}
	if (!fault && asked->names > PKI_ASKED_MAX)
		fault = "has more than 100 names";
	if (fault) {
		snprintf(why, ALLOWED_WHY, "the certificate request %s", fault);
		return -EPERM;
	}
	for (int i = 0; i < asked->names; i++) {
		enum allowed allowed = allowed_name(
		    lists, asker, &asked->name[i], why);
		if (allowed == ALLOWED_NOT)
			return -EPERM;
		shared[i] = allowed == ALLOWED_SHARED;
	}
	return 0;
}
