/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/* id (8, big-endian) | secret (32) | root (32) | check (8): SHA-256 of `1|<domain>|` and the first
 * 72 bytes, cut. 80 bytes are 107 digits of base64 and one `=`. */
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

static int checksum(const char *domain, const unsigned char body[BODY], unsigned char out[PKI_HASH])
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
		rc = bytes_printf(out, "1|%s|%s\n", key->domain, (const char *)text);
	}
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* Only the one encoding that EVP_EncodeBlock makes (RFC 4648 3.5): no spaces, no other pad bits. */
static bool decode(const char *text, unsigned char raw[RAW + 1])
{
	unsigned char again[BASE64 + 1];

	if (EVP_DecodeBlock(raw, (const unsigned char *)text, BASE64) != RAW + 1) {
		pki_drain(0);
		return false;
	}
	EVP_EncodeBlock(again, raw, RAW);
	bool same = memcmp(again, text, BASE64) == 0;
	explicit_bzero(again, sizeof(again));
	return same;
}

static int parse_body(const char *text, struct pki_key_text *out, const char **reason)
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
	*reason = "the provisioning key's checksum is wrong: it was mistyped or damaged";
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

int pki_key_text_parse(const char *line, size_t len, struct pki_key_text *out, const char **reason)
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
	if (strlen(out->domain) != (size_t)(bar - domain) || !domain_legal(out->domain))
		return -EBADMSG;
	if (line + len - (bar + 1) != BASE64) {
		*reason = "the provisioning key is not complete: its length is wrong";
		return -EBADMSG;
	}
	return parse_body(bar + 1, out, reason);
}
