/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/grant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/enroll/alt_name.h"
#include "store/internal.h"

static int refuse(struct issuance *i, const char *why)
{
	return store_refuse(i->call, -EPERM, "%s", why);
}

/* --- what a request asks for --- */

/* The certificate that is replaced. */
struct present {
	struct pki_asked has;		 /* beside our names */
	char uri[OUR_URI], dns[OUR_DNS]; /* ours in it */
};

static void read_present(const struct issuance *i, struct present *out)
{
	alt_name_beside_ours(i->store, i->present.data, i->present.len,
	    i->present_spki, &out->has, out->uri);
	alt_name_ours(i->store, i->present_spki, out->dns);
}

/* Tools renew with the names of the old certificate: ours are accepted, and
 * replaced by ours. */
static void drop_ours(const struct issuance *i, const struct present *present,
    struct pki_asked *asked)
{
	char dns[OUR_DNS];

	alt_name_ours(i->store, pki_csr_spki_hash(i->csr), dns);
	pki_asked_remove(asked, i->uri, dns);
	pki_asked_remove(asked, present->uri, present->dns);
}

/* --- the checks --- */

static int check_member(struct issuance *i)
{
	struct allowed_lists lists = limits_of(&i->limits, LIMIT_MEMBER_NAMES);
	char why[ALLOWED_WHY];

	return allowed_member(&lists, i->member, why) ? 0 : refuse(i, why);
}

static int check_key_type(struct issuance *i)
{
	struct allowed_lists lists = limits_of(&i->limits, LIMIT_KEY_TYPES);
	char why[ALLOWED_WHY], algorithm[PKI_ALGORITHM];
	int rc = pki_csr_algorithm(i->csr, algorithm);

	if (rc)
		return rc;
	return allowed_key_type(&lists, algorithm, why) ? 0 : refuse(i, why);
}

static bool names_count(const struct issuance *i)
{
	return i->limits.group[LIMIT_ALLOWED_NAMES] ||
	       i->limits.key[LIMIT_ALLOWED_NAMES];
}

static bool usages_count(const struct issuance *i)
{
	return i->limits.group[LIMIT_USAGES] || i->limits.key[LIMIT_USAGES];
}

/* Without an extKeyUsage, a renewal keeps what is still allowed. */
static int give_usages(struct issuance *i, const struct pki_asked *asked,
    const struct present *present)
{
	struct allowed_lists lists = limits_of(&i->limits, LIMIT_USAGES);
	char why[ALLOWED_WHY];
	int rc = allowed_usages(&lists, asked, &i->given.usages, why);

	if (rc)
		return refuse(i, why);
	if (!present || asked->has_usages || !usages_count(i))
		return 0;
	i->given.usages &= present->has.usages;
	return i->given.usages
		   ? 0
		   : refuse(i,
			 "the limit usages allows none that the present certificate has");
}

/* present: NULL unless it is a renewal. */
static int give(struct issuance *i, const struct present *present)
{
	struct allowed_lists lists = limits_of(&i->limits, LIMIT_ALLOWED_NAMES);
	const struct allowed_asker asker = {i->store->domain, i->member};
	char why[ALLOWED_WHY];
	struct pki_asked asked;

	pki_csr_asked(i->csr, &asked);
	if (present && asked.has_names)
		drop_ours(i, present, &asked);
	i->given = present && !asked.has_names ? present->has : asked;
	int rc = allowed_names(&lists, &asker, &i->given, i->shared, why);
	return rc ? refuse(i, why) : give_usages(i, &asked, present);
}

static int check_limits(struct issuance *i, const struct present *present)
{
	struct allowed_lists lists = limits_of(&i->limits, LIMIT_VALIDITY);
	int rc = check_member(i);

	if (!rc)
		rc = check_key_type(i);
	if (!rc)
		rc = give(i, present);
	i->lifetime = allowed_validity(&lists);
	return rc;
}

int grant_check(struct issuance *i)
{
	bool set = limits_set(&i->limits);
	struct present present = {0};
	int rc = 0;

	i->given.names = 0;
	i->given.usages = PKI_USAGES;
	i->lifetime = 0;
	i->narrows = i->widens = false;
	if (i->present.len)
		read_present(i, &present);
	if (set)
		rc = check_limits(i, i->present.len ? &present : NULL);
	if (rc || !i->present.len)
		return rc;
	i->narrows = alt_name_narrows(&i->given, &present.has);
	i->widens = alt_name_lacks(&present.has, &i->given);
	return 0;
}

/* --- again --- */

static bool same_names(const struct issuance *i, const struct pki_asked *asked,
    const struct pki_asked *has)
{
	return !names_count(i) || !asked->has_names ||
	       (!asked->names_fault && pki_asked_same_names(asked, has));
}

static bool same_usages(const struct issuance *i, const struct pki_asked *asked,
    const struct pki_asked *has)
{
	return !usages_count(i) || !asked->has_usages ||
	       (!asked->usages_fault && asked->usages == has->usages);
}

/* A name as alt_name_ours and issuance_name make them, of whatever key and
 * member. */
static bool is_like_ours(const struct store *store, const struct pki_name *name)
{
	char text[ALT_NAME], prefix[OUR_DNS];
	size_t len = strlen(store->domain);

	if (name->type == PKI_NAME_DNS)
		return name->len == PKI_HASH + 1 + len &&
		       name->at[PKI_HASH] == '.' &&
		       memcmp(name->at + PKI_HASH + 1, store->domain, len) == 0;
	if (name->type != PKI_NAME_URI)
		return false;
	snprintf(prefix, sizeof(prefix), "spiffe://%s/", store->domain);
	alt_name_text(name, text);
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The request may have those of the certificate that it replaced. */
static void drop_like_ours(const struct store *store, struct pki_asked *asked)
{
	int left = 0;

	for (int n = 0; n < asked->names; n++)
		if (!is_like_ours(store, &asked->name[n]))
			asked->name[left++] = asked->name[n];
	asked->names = left;
}

int grant_check_again(struct issuance *i, const struct bytes *der)
{
	struct pki_asked asked, has;

	if (!limits_set(&i->limits))
		return 0;
	alt_name_beside_ours(i->store, der->data, der->len,
	    pki_csr_spki_hash(i->csr), &has, NULL);
	pki_csr_asked(i->csr, &asked);
	if (i->present.len)
		drop_like_ours(i->store, &asked);
	if (same_names(i, &asked, &has) && same_usages(i, &asked, &has))
		return 0;
	return store_refuse(i->call, -EEXIST,
	    "this public key has its certificate, with other names or usages (allowed_names, usages); make a new key pair");
}

/* --- names of others --- */

int grant_check_alone(
    struct issuance *i, struct db_conn *conn, int64_t member, int64_t seconds)
{
	char text[ALT_NAME];
	int rc = 0;

	for (int n = 0; n < i->given.names && rc <= 0; n++) {
		if (i->shared[n])
			continue;
		alt_name_text(&i->given.name[n], text);
		rc = db_exists(conn, DB_ALT_NAME_TAKEN,
		    DB_ARGS(DB_TEXT(text), DB_INT(member), DB_INT(seconds)));
		if (rc < 0)
			return rc;
	}
	return rc > 0
		   ? store_refuse(i->call, -EEXIST,
			 "another member's certificate has the name %s, and its line in allowed_names is not shared",
			 text)
		   : 0;
}

int grant_add_names(
    const struct issuance *i, struct db_conn *conn, int64_t issued)
{
	char text[ALT_NAME];
	int rc = 0;

	for (int n = 0; n < i->given.names && !rc; n++) {
		alt_name_text(&i->given.name[n], text);
		rc = alt_name_add(conn, text, issued, 0, NULL);
	}
	return rc;
}
