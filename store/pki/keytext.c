/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * id (8 bytes, big-endian) | secret (32) | root (32) | checksum (8). The
 * checksum is SHA-256 over `1|<domain>|` and the 72 bytes before it, truncated.
 * 80 bytes are 107 base64 digits and one `=`.
 */
enum {
	ID = 8,
	BODY = ID + PKI_SECRET + PKI_HASH,
	CHECK = 8,
	RAW = BODY + CHECK,
	BASE64 = (RAW + 2) / 3 * 4,
};

size_t pki_key_text_len(size_t domain_len)
{
	return 2 + domain_len + 1 + BASE64 + 1;
}

static int checksum(const char *domain, const unsigned char body[BODY],
    unsigned char out[PKI_HASH])
{
	CLEANUP_BYTES struct bytes b = {0};
	int rc = bytes_printf(&b, "1|%s|", domain);

	if (!rc)
		rc = bytes_add(&b, body, BODY);
	return rc ? rc : pki_sha256(b.data, b.len, out);
}

int pki_key_text_format(const struct pki_key_text *key, struct bytes *out)
{
	unsigned char raw[RAW], check[PKI_HASH];
	unsigned char text[BASE64 + 1];
	uint64_t id = htobe64((uint64_t)key->id);

	memcpy(raw, &id, ID);
	memcpy(raw + ID, key->secret, PKI_SECRET);
	memcpy(raw + ID + PKI_SECRET, key->root, PKI_HASH);
	int rc = checksum(key->domain, raw, check);
	if (!rc) {
		memcpy(raw + BODY, check, CHECK);
		EVP_EncodeBlock(text, raw, RAW);
		rc = bytes_printf(
		    out, "1|%s|%s\n", key->domain, (const char *)text);
	}
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* Accepts only the canonical encoding (RFC 4648 3.5): no white space, pad bits
 * zero. */
static bool decode(const char *text, unsigned char raw[RAW + 1])
{
	unsigned char again[BASE64 + 1];

	if (EVP_DecodeBlock(raw, (const unsigned char *)text, BASE64) !=
	    RAW + 1) {
		pki_drain(0);
		return false;
	}
	EVP_EncodeBlock(again, raw, RAW);
	bool same = memcmp(again, text, BASE64) == 0;
	explicit_bzero(again, sizeof(again));
	return same;
}

static int parse_body(
    const char *text, struct pki_key_text *out, const char **reason)
{
	unsigned char raw[RAW + 1], check[PKI_HASH];
	uint64_t id;
	int rc = -EBADMSG;

	*reason = "the provisioning key is not valid base64";
	if (!decode(text, raw))
		goto out;
	rc = checksum(out->domain, raw, check);
	if (rc)
		goto out;
	memcpy(&id, raw, ID);
	id = be64toh(id);
	*reason =
	    "the provisioning key's checksum is wrong: it was mistyped or damaged";
	if (memcmp(check, raw + BODY, CHECK) != 0 || id > INT64_MAX) {
		rc = -EBADMSG;
		goto out;
	}
	out->id = (int64_t)id;
	memcpy(out->secret, raw + ID, PKI_SECRET);
	memcpy(out->root, raw + ID + PKI_SECRET, PKI_HASH);
	*reason = NULL;
out:
	explicit_bzero(raw, sizeof(raw));
	return rc;
}

int pki_key_text_parse(
    const char *line, size_t len, struct pki_key_text *out, const char **reason)
{
	*out = (struct pki_key_text){0};
	*reason = "not a provisioning key: it is one line `1|<domain>|<base64>`";
	if (len < 2 || memcmp(line, "1|", 2) != 0)
		return -EBADMSG;
	const char *domain = line + 2;
	const char *bar = memchr(domain, '|', len - 2);
	if (!bar || bar == domain || bar - domain > DOMAIN_MAX_LEN)
		return -EBADMSG;
	memcpy(out->domain, domain, (size_t)(bar - domain));
	if (strlen(out->domain) != (size_t)(bar - domain) ||
	    !domain_legal(out->domain))
		return -EBADMSG;
	if (line + len - (bar + 1) != BASE64) {
		*reason =
		    "the provisioning key is not complete: its length is wrong";
		return -EBADMSG;
	}
	return parse_body(bar + 1, out, reason);
}

/* --- finding it in a stream --- */

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int refuse(const char *why, const char **reason)
{
	*reason = why;
	return -EBADMSG;
}

/* The length of a byte order mark and white space before the text. */
static size_t prefix_len(const unsigned char *p, size_t len)
{
	size_t n = len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (n < len && is_blank(p[n]))
		n++;
	return n;
}

static bool is_domain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '-';
}

/* The offset of the base64. 0: not reached yet; -EBADMSG: not a key. */
static int find_base64(const unsigned char *p, size_t len, const char **reason)
{
	static const char form[] = "1|";
	size_t n = 0, most = strlen(form) + DOMAIN_MAX_LEN;

	while (n < len && n < strlen(form) && p[n] == (unsigned char)form[n])
		n++;
	while (n >= strlen(form) && n < len && n < most && is_domain(p[n]))
		n++;
	if (n == len)
		return 0;
	if (n > strlen(form) && p[n] == '|')
		return (int)n + 1;
	return refuse(
	    "not a provisioning key: it is one line `1|<domain>|<base64>`, without quotes",
	    reason);
}

/* The number of base64 characters, at most BASE64. */
static size_t count_base64(const unsigned char *p, size_t len)
{
	size_t n = 0;

	while (n < len && n < BASE64 &&
	       (pki_base64_digit(p[n]) >= 0 || p[n] == '='))
		n++;
	return n;
}

/* Checks the byte behind the last digit. 1: the text ends there; 0: undecided;
 * -EBADMSG: it goes on. */
static int check_end(const unsigned char *p, size_t len, const char **reason)
{
	if (!len || (pki_base64_digit(p[0]) < 0 && p[0] != '='))
		return 1;
	/* 0x30 is the digit 0, and the tag of a request in DER */
	if (p[0] == '0' && (len == 1 || p[1] >= 0x80))
		return len > 1;
	return refuse(
	    "the provisioning key is not complete: its length is wrong", reason);
}

int pki_key_text_find(const void *data, size_t len, struct pki_key_text *out,
    size_t *end, const char **reason)
{
	const unsigned char *p = data;

	*out = (struct pki_key_text){0};
	*reason = NULL;
	if (len < 3 && memcmp(p, "\xef\xbb\xbf", len) == 0)
		return 0;
	if (pki_is_utf16(p, len))
		return refuse(pki_utf16, reason);
	size_t from = prefix_len(p, len);
	int base64 = find_base64(p + from, len - from, reason);
	if (base64 <= 0)
		return base64;
	size_t at = from + (size_t)base64,
	       digits = count_base64(p + at, len - at);
	if (digits < BASE64)
		return at + digits == len
			   ? 0
			   : refuse(
				 "the provisioning key is not complete: its length is wrong, or it is not on one line",
				 reason);
	int last = check_end(p + at + digits, len - at - digits, reason);
	if (last < 0)
		return last;
	/* before `last` is known: more bytes do not make a wrong key right */
	int rc = pki_key_text_parse(
	    (const char *)p + from, at + digits - from, out, reason);
	if (rc)
		return rc;
	if (last)
		*end = at + digits;
	else
		explicit_bzero(out, sizeof(*out));
	return last;
}
