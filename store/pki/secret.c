/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Secrets in texts that have nothing to do with them: somebody wrote to the
 * wrong file. What people and programs put into a text on its way (blanks, line
 * breaks, quotes, the NULs of UTF-16) is left out first.
 */

enum {
	RAW = 80,     /* of a provisioning key, see keytext.c */
	CHECK = 8,    /* at its end */
	DIGITS = 107, /* that they are in base64, without the = */
	ZEROS = 5,    /* digits A that every key here begins with: ids are below
			 2^32 */
};

static bool is_between(unsigned char c)
{
	return c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == 0x7f;
}

static int squeeze(const unsigned char *p, size_t len, struct bytes *out)
{
	int rc = bytes_extend(out, len + 1);

	if (rc)
		return rc;
	out->len = 0;
	for (size_t i = 0; i < len; i++)
		if (!is_between(p[i]))
			out->data[out->len++] = p[i];
	out->data[out->len] = '\0';
	return 0;
}

/* RFC 7468, and others that write the same frame; encrypted ones too. */
static bool holds_private_key(const struct bytes *text)
{
	static const char begin[] = "-----BEGIN", key[] = "PRIVATEKEY";
	const unsigned char *end = text->data + text->len, *p = text->data;

	while ((p = memmem(p, (size_t)(end - p), begin, strlen(begin)))) {
		p += strlen(begin);
		const unsigned char *label = memmem(
		    p, (size_t)(end - p), "-----", 5);
		if (label && memmem(p, (size_t)(label - p), key, strlen(key)))
			return true;
	}
	return false;
}

/* The URL form counts too (RFC 4648 5). */
static int digit(unsigned char c)
{
	return pki_base64_digit(c == '-' ? '+' : c == '_' ? '/' : c);
}

/* How many digits of base64 begin here, up to those of a key. */
static size_t digits(const unsigned char *p)
{
	size_t n = 0;

	while (n < DIGITS && digit(p[n]) >= 0)
		n++;
	return n;
}

/* 1: these digits have the check that they would have as a key's of this
 * domain. */
static int has_check(
    const unsigned char *p, const char *domain, size_t domain_len)
{
	CLEANUP_BYTES struct bytes checked = {0};
	unsigned char raw[RAW + 1] = {0}, hash[PKI_HASH];
	unsigned int bits = 0;

	for (size_t i = 0; i < DIGITS; i++) {
		bits = bits << 6 | (unsigned int)digit(p[i]);
		if (i % 4)
			raw[i / 4 * 3 + i % 4 -
			    1] = (unsigned char)(bits >> (6 - i % 4 * 2));
	}
	int rc = bytes_printf(&checked, "1|%.*s|", (int)domain_len, domain);
	if (!rc)
		rc = bytes_add(&checked, raw, RAW - CHECK);
	if (!rc)
		rc = pki_sha256(checked.data, checked.len, hash);
	if (!rc)
		rc = memcmp(hash, raw + RAW - CHECK, CHECK) == 0;
	explicit_bzero(raw, sizeof(raw));
	return rc;
}

/* The whole text, of whatever domain. */
static int begins_key(const unsigned char *p)
{
	if (p[0] != '1' || p[1] != '|')
		return 0;
	const char *domain = (const char *)p + 2;
	size_t len = strcspn(domain, "|");
	const unsigned char *base64 = p + 2 + len + 1;
	if (domain[len] != '|' || len > DOMAIN_MAX_LEN ||
	    digits(base64) < DIGITS)
		return 0;
	return has_check(base64, domain, len);
}

/* The base64 alone. */
static int begins_base64(const unsigned char *p, const char *domain)
{
	if (strncmp((const char *)p, "AAAAA", ZEROS) != 0 || digits(p) < DIGITS)
		return 0;
	return has_check(p, domain, strlen(domain));
}

int pki_holds_secret(const void *data, size_t len, const char *domain)
{
	CLEANUP_BYTES struct bytes text = {0};
	int rc = len < DIGITS && !memmem(data, len, "-----", 5)
		     ? 0
		     : squeeze(data, len, &text);

	if (rc || !text.len)
		return rc;
	if (holds_private_key(&text))
		return 1;
	for (const unsigned char *p = text.data;
	     p < text.data + text.len && !rc; p++) {
		rc = begins_key(p);
		if (!rc)
			rc = begins_base64(p, domain);
	}
	return rc;
}
