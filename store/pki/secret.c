/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Finds secrets that were written to the wrong file by mistake. Characters that
 * people and programs insert into a text (blanks, line breaks, quotes, the NULs
 * of UTF-16) are removed first.
 */

enum {
	RAW = 80,      /* bytes of a provisioning key, see keytext.c */
	CHECK = 8,     /* bytes of its checksum */
	DIGITS = 107,  /* base64 digits of RAW bytes, without the = */
	SHORTEST = 25, /* -----BEGINPRIVATEKEY----- */
	/* every key of a store begins with five digits A: ids are below 2^32 */
	ZEROS = 5,
};

static bool is_filler(unsigned char c)
{
	return c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == 0x7f;
}

/* Copies the text without filler, NUL-terminated. */
static int squeeze(const unsigned char *p, size_t len, struct bytes *out)
{
	int rc = bytes_extend(out, len + 1);

	if (rc)
		return rc;
	out->len = 0;
	for (size_t i = 0; i < len; i++)
		if (!is_filler(p[i]))
			out->data[out->len++] = p[i];
	out->data[out->len] = '\0';
	return 0;
}

/* Any PEM label with PRIVATE KEY in it: RFC 7468, OpenSSH, PGP, encrypted. */
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

/* The URL-safe alphabet counts too (RFC 4648 5). */
static int digit_value(unsigned char c)
{
	return pki_base64_digit(c == '-' ? '+' : c == '_' ? '/' : c);
}

/* The number of base64 digits at p, at most DIGITS. */
static size_t count_digits(const unsigned char *p)
{
	size_t n = 0;

	while (n < DIGITS && digit_value(p[n]) >= 0)
		n++;
	return n;
}

/* Returns 1 if the digits end in the checksum of a key of this domain, 0, or
 * -errno. */
static int has_checksum(
    const unsigned char *p, const char *domain, size_t domain_len)
{
	CLEANUP_BYTES struct bytes checked = {0};
	unsigned char raw[RAW + 1] = {0}, hash[PKI_HASH];
	unsigned int bits = 0;

	for (size_t i = 0; i < DIGITS; i++) {
		bits = bits << 6 | (unsigned int)digit_value(p[i]);
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

/* Whether the text of a key of any domain begins at p. */
static int is_key_text(const unsigned char *p)
{
	if (p[0] != '1' || p[1] != '|')
		return 0;
	const char *domain = (const char *)p + 2;
	size_t len = strcspn(domain, "|");
	const unsigned char *base64 = p + 2 + len + 1;
	if (domain[len] != '|' || len > DOMAIN_MAX_LEN ||
	    count_digits(base64) < DIGITS)
		return 0;
	return has_checksum(base64, domain, len);
}

/* Whether the base64 of a key of this domain begins at p. */
static int is_key_base64(const unsigned char *p, const char *domain)
{
	if (strncmp((const char *)p, "AAAAA", ZEROS) != 0 ||
	    count_digits(p) < DIGITS)
		return 0;
	return has_checksum(p, domain, strlen(domain));
}

int pki_holds_secret(const void *data, size_t len, const char *domain)
{
	CLEANUP_BYTES struct bytes text = {0};
	int rc = len < SHORTEST ? 0 : squeeze(data, len, &text);

	if (rc || !text.len)
		return rc;
	if (holds_private_key(&text))
		return 1;
	for (const unsigned char *p = text.data;
	     p < text.data + text.len && !rc; p++) {
		rc = is_key_text(p);
		if (!rc)
			rc = is_key_base64(p, domain);
	}
	return rc;
}
