/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

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

/* X.690 8.1.3: the length in short form, or in one or two bytes more. */
static bool der_complete(struct span s)
{
	if (s.len < 2)
		return false;
	size_t n = s.at[1] & 0x80 ? s.at[1] & 0x7f : 0, length = n ? 0 : s.at[1];
	if (s.at[1] == 0x80 || n > 2)
		return true; /* no length a request can have */
	if (s.len < 2 + n)
		return false;
	for (size_t i = 0; i < n; i++)
		length = length << 8 | s.at[2 + i];
	return s.len - 2 - n >= length;
}

static bool csr_complete(struct span s)
{
	s = skip_space(s);
	if (!s.len)
		return false;
	switch (pki_csr_form(s.at, s.len)) {
	case PKI_DER:
		return der_complete(s);
	case PKI_PEM:
		return pki_pem_end(s.at, s.len) > 0;
	default:
		return true; /* it will be refused */
	}
}

bool store_request_complete(bool with_key, const void *data, size_t len)
{
	struct span rest = {data, len}, line;
	struct pki_key_text key;
	const char *reason;

	if (with_key) {
		rest = skip_space(rest);
		if (!take_line(&rest, &line))
			return rest.len > KEY_LINE_MAX;
		/* A line that is no key is told at once, not after a CSR that may never come. */
		int rc = pki_key_text_parse((const char *)line.at, line.len, &key, &reason);
		explicit_bzero(&key, sizeof(key));
		if (rc)
			return true;
	}
	return csr_complete(rest);
}

int request_split(bool with_key, const void *data, size_t len, struct request *out)
{
	struct span rest = {data, len}, line;

	*out = (struct request){0};
	if (with_key) {
		rest = skip_space(rest);
		if (!take_line(&rest, &line))
			return -EBADMSG;
		out->key_text = (const char *)line.at;
		out->key_len = line.len;
	}
	rest = skip_space(rest);
	out->csr = rest.at;
	out->csr_len = rest.len;
	return 0;
}
