/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "store/internal.h"

/*
 * Where a request begins and ends. It comes in any number of writes, so this is asked after each of
 * them; pure, and it never reads beyond len.
 */

/* Longer than any provisioning key's text: a first line beyond this will never become one. */
enum { KEY_LINE_MAX = 256 };

struct span {
	const unsigned char *at;
	size_t len;
};

static struct span skip_space(struct span s)
{
	while (s.len && all_space(s.at, 1)) {
		s.at++;
		s.len--;
	}
	return s;
}

/* Takes the first line off; false if it has not ended yet. */
static bool take_line(struct span *rest, struct span *line)
{
	const unsigned char *end = memchr(rest->at, '\n', rest->len);

	if (!end)
		return false;
	line->at = rest->at;
	line->len = (size_t)(end - rest->at);
	rest->len -= line->len + 1;
	rest->at = end + 1;
	while (line->len && all_space(line->at + line->len - 1, 1))
		line->len--;
	return true;
}

enum { HOPELESS = -1, INCOMPLETE = 0 };

/* How long the element is, or one of the two. X.690 8.1.3: the length in short form, or in one or
 * two bytes more. */
static ssize_t der_len(struct span s)
{
	if (s.len < 2)
		return INCOMPLETE;
	size_t n = s.at[1] & 0x80 ? s.at[1] & 0x7f : 0, length = n ? 0 : s.at[1];
	if (s.at[1] == 0x80 || n > 2)
		return HOPELESS; /* no length a request can have */
	if (s.len < 2 + n)
		return INCOMPLETE;
	for (size_t i = 0; i < n; i++)
		length = length << 8 | s.at[2 + i];
	return s.len - 2 - n >= length ? (ssize_t)(2 + n + length) : INCOMPLETE;
}

/* Whether it says that it is longer than a request may be, before all of that has come. */
static bool says_too_long(struct span s)
{
	s = skip_space(s);
	if (s.len < 3 || s.at[0] != 0x30) /* SEQUENCE */
		return false;
	size_t n = s.at[1] & 0x80 ? s.at[1] & 0x7f : 0;
	return n > 2 && n <= sizeof(uint64_t) && s.at[2] != 0;
}

static ssize_t csr_len(struct span s)
{
	if (!s.len)
		return INCOMPLETE;
	switch (pki_csr_form(s.at, s.len)) {
	case PKI_DER:
		return der_len(s);
	case PKI_PEM:
		return (ssize_t)pki_pem_end(s.at, s.len);
	default:
		return HOPELESS;
	}
}

/* Takes a CSR off the beginning. */
static ssize_t take_csr(struct span *rest, struct span *csr)
{
	*rest = skip_space(*rest);
	ssize_t n = csr_len(*rest);
	if (n > 0) {
		*csr = (struct span){rest->at, (size_t)n};
		rest->at += n;
		rest->len -= (size_t)n;
	}
	return n;
}

bool store_request_complete(enum store_request form, const void *data, size_t len)
{
	struct span rest = {data, len}, part;
	struct pki_key_text key;
	const char *reason;

	if (form == STORE_KEY_AND_CSR) {
		rest = skip_space(rest);
		if (!take_line(&rest, &part))
			return rest.len > KEY_LINE_MAX;
		/* A line that is no key is told at once, not after a CSR that may never come. */
		int rc = pki_key_text_parse((const char *)part.at, part.len, &key, &reason);
		explicit_bzero(&key, sizeof(key));
		if (rc)
			return true;
	}
	ssize_t n = take_csr(&rest, &part);
	if (n > 0 && form == STORE_CSR_AND_PROOF)
		n = take_csr(&rest, &part);
	return n != INCOMPLETE;
}

int request_split(enum store_request form, const void *data, size_t len, struct request *out)
{
	struct span rest = {data, len}, part;

	*out = (struct request){0};
	if (form == STORE_KEY_AND_CSR) {
		rest = skip_space(rest);
		if (!take_line(&rest, &part))
			return -EBADMSG;
		out->key_text = (const char *)part.at;
		out->key_len = part.len;
	}
	if (form == STORE_CSR_AND_PROOF) {
		if (take_csr(&rest, &part) <= 0)
			return -EBADMSG;
		rest = skip_space(rest);
		out->csr = part.at;
		out->csr_len = part.len;
		out->proof = rest.at;
		out->proof_len = rest.len;
		return 0;
	}
	rest = skip_space(rest);
	out->csr = rest.at;
	out->csr_len = rest.len;
	return 0;
}

int request_named_by(const struct pki_csr *csr, const struct pki_csr *proof)
{
	unsigned char named[PKI_HASH], hash[PKI_HASH];
	const char *name = pki_csr_common_name(proof);
	size_t len;
	const unsigned char *der = pki_csr_der(csr, &len);
	int rc = pki_sha256(der, len, hash);

	if (rc)
		return rc;
	if (!name || hex_bytes(name, strlen(name), named, PKI_HASH) ||
		memcmp(named, hash, PKI_HASH) != 0)
		return -EKEYREJECTED;
	return 0;
}

bool request_too_long(enum store_request form, const void *data, size_t len)
{
	struct span rest = {data, len}, line;

	if (form == STORE_KEY_AND_CSR) {
		rest = skip_space(rest);
		if (!take_line(&rest, &line))
			rest.len = 0;
	}
	return len > STORE_REQUEST_MAX || says_too_long(rest);
}
