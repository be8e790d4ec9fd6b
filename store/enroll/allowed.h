/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ALLOWED_H
#define STORE_ENROLL_ALLOWED_H

/*
 * The limits of groups and provisioning keys: checking the text of a list, and
 * matching against a group's and a key's. Pure functions, in time proportional
 * to the length of the lists.
 *
 * A list has a line for each entry, the last one with or without a newline; ""
 * is the empty list. Blank lines and carriage returns are refused: a list that
 * looks written must not count as empty. The lines of an accepted list are
 * accepted on their own, so a list may be written line by line.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/pki/pki.h"

/* A text for people: why a list, a name or a key is refused. Printable. */
enum { ALLOWED_WHY = 256 };

enum {
	ALLOWED_VALIDITY_MIN = 600, /* seconds */
};

/*
 * Check a list. Return 0, or -EINVAL with `why`.
 *
 * allowed_names: `host.example`; `*.example` (one label); `.example` (one or
 * more labels); `\*.example` (that wildcard name itself); an IPv4 or IPv6
 * address, or a network as `10.0.0.0/8`; `shared ` before any of them. `%m` may
 * take the place of a label.
 */
int allowed_names_check(const char *text, char why[ALLOWED_WHY]);
/* A line is a glob: `*`, `?`, and the characters of names. */
int allowed_members_check(const char *text, char why[ALLOWED_WHY]);
/* ec-p256 ec-p384 ec-p521 ed25519 rsa>=N, separated by blanks or newlines. */
int allowed_key_types_check(const char *text, char why[ALLOWED_WHY]);
/* client server, separated likewise. */
int allowed_usages_check(const char *text, char why[ALLOWED_WHY]);
/* A duration (parse.h). */
int allowed_validity_check(const char *text, char why[ALLOWED_WHY]);

/* A group's and a key's list of the same kind, accepted by its check. NULL
 * counts as "". */
struct allowed_lists {
	const char *group, *key;
};

enum allowed {
	ALLOWED_NOT,
	ALLOWED_ALONE,	/* if no other member has it */
	ALLOWED_SHARED, /* also then */
};

/* Who asks for a name. */
struct allowed_asker {
	const char *domain; /* the store's */
	const char *member;
};

/*
 * Whether a name may be in a member's certificate beside ours. The group's list
 * grants names, and if it is empty, none; the key's list, unless it is empty,
 * takes away. It is shared if each list that is not empty says so.
 *
 * Never: other types than DNS names and IP addresses; DNS names that are not
 * lower-case LDH labels (RFC 5890 2.3.1: A-labels, not U-labels), at most 253
 * bytes, without a trailing dot, or that could be read as an address; `*` other
 * than as the whole first label; IPv4-mapped IPv6 addresses; `<32 hex>.<domain>`,
 * which are the store's own names, and `*.<domain>`, which matches all of them.
 *
 * `*` in a name is allowed by a line `\*.` alone. `%m` stands for the member's
 * name if that is one label, else its line allows nothing.
 *
 * With ALLOWED_NOT, `why` has the name and what is wrong with it, or the list.
 */
enum allowed allowed_name(const struct allowed_lists *allowed_names,
    const struct allowed_asker *asker, const struct pki_name *name,
    char why[ALLOWED_WHY]);

/*
 * allowed_name of all names that are asked for, without ours
 * (pki_asked_remove); all or nothing. If both lists are empty, they are
 * ignored: asked->names is 0 then. shared[i] is whether name i is shared.
 * Returns 0, or -EPERM with `why` (also: names_fault, more than
 * PKI_ASKED_MAX).
 */
int allowed_names(const struct allowed_lists *allowed_names,
    const struct allowed_asker *asker, struct pki_asked *asked,
    bool shared[PKI_NAMES_MAX], char why[ALLOWED_WHY]);

/* Whether a member may have this name. `*` in a glob stands for any number of
 * characters, `?` for one; case counts. With false, `why` has name and list. */
bool allowed_member(const struct allowed_lists *member_names,
    const char *member, char why[ALLOWED_WHY]);

/* Whether a key of this algorithm (pki_csr_algorithm) may enroll. With false,
 * `why` has both. */
bool allowed_key_type(const struct allowed_lists *key_types,
    const char *algorithm, char why[ALLOWED_WHY]);

/*
 * The usages that a certificate gets: those that the request asks for, or all
 * that both lists have. If both lists are empty, both usages, whatever the
 * request asks for. asked NULL: it asks for none. Returns 0, or -EPERM with
 * `why` (one that it asks for is not allowed, or both lists together leave
 * none, or usages_fault). *usages is never 0 with 0.
 */
int allowed_usages(const struct allowed_lists *usages,
    const struct pki_asked *asked, unsigned *out, char why[ALLOWED_WHY]);

/* The shorter one of the lifetimes in seconds; 0: there is none. */
int64_t allowed_validity(const struct allowed_lists *validity);

#endif
