/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pki/document.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum {
	SEQUENCE = 0x30,
	/* bytes needed to tell DER from text that begins with the digit 0 */
	DER_PROBE = 5,
	LINE_MAX = 8192, /* longest line of explanatory text */
};

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ",
		  dashes[] = "-----";

struct span {
	const unsigned char *at;
	size_t len;
};

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes above ASCII may be letters in any encoding. */
static bool is_text(unsigned char c)
{
	return is_blank(c) || (c > ' ' && c != 0x7f);
}

static void skip(struct span *s, size_t n)
{
	s->at += n;
	s->len -= n;
}

static bool begins(const struct span *s, const char *with)
{
	size_t n = strlen(with);

	return s->len >= n && memcmp(s->at, with, n) == 0;
}

/* Whether the bytes so far are a prefix of this text, or begin with it. */
static bool may_begin_with(const struct span *s, const char *with)
{
	size_t n = strlen(with);

	return memcmp(s->at, with, s->len < n ? s->len : n) == 0;
}

static const unsigned char *find(const struct span *s, const char *what)
{
	return memmem(s->at, s->len, what, strlen(what));
}

static int refuse(int error, const char *why, const char **reason)
{
	*reason = why;
	return error;
}

/* --- DER --- */

/* A SEQUENCE tag is also the digit 0 of a text: too short to decide. */
static bool is_undecided(const struct span *s)
{
	return s->len && s->len < DER_PROBE && s->at[0] == SEQUENCE;
}

/* False for text, and while it is undecided. */
static bool is_der(const struct span *s)
{
	if (!s->len || s->at[0] != SEQUENCE)
		return false;
	for (size_t i = 1; i < s->len && i < DER_PROBE; i++)
		if (!is_text(s->at[i]) || s->at[i] >= 0x80)
			return true;
	return false;
}

/* X.690 8.1.3: a definite length of at most two bytes. */
static int parse_der(
    const struct span *s, struct pki_document *out, const char **reason)
{
	if (s->len < 2)
		return 0;
	size_t n = s->at[1] & 0x80 ? s->at[1] & 0x7f : 0,
	       length = n ? 0 : s->at[1];
	if (s->at[1] == 0x80 || n > sizeof(length))
		return refuse(-EBADMSG, "the DER's length is invalid", reason);
	for (size_t i = 0; i < n; i++) {
		if (s->len < 3 + i)
			return 0;
		length = length << 8 | s->at[2 + i];
		if (i == 0 && n > 2)
			return length
				   ? refuse(
					 -EFBIG, "the DER is too long", reason)
				   : refuse(-EBADMSG,
					 "the DER's length is damaged", reason);
	}
	if (s->len - 2 - n < length)
		return 0;
	out->form = PKI_DER;
	out->body = s->at;
	out->len = out->end = 2 + n + length;
	return 1;
}

/* --- PEM --- */

/* The next BEGIN at the beginning of a line, or NULL. */
static const unsigned char *find_begin(const struct span *s)
{
	/* may precede it on its line: blanks, a quote, a byte order mark */
	static const char before[] = {
	    ' ', '\t', '"', '\'', '\xef', '\xbb', '\xbf'};
	struct span rest = *s;

	for (const unsigned char *at; (at = find(&rest, begin_mark));
	     skip(&rest, (size_t)(at + 1 - rest.at))) {
		const unsigned char *p = at;
		while (p > s->at && memchr(before, p[-1], sizeof(before)))
			p--;
		if (p == s->at || p[-1] == '\n' || p[-1] == '\r')
			return at;
	}
	return NULL;
}

/* s begins with the BEGIN mark. */
static int parse_pem(struct span s, struct pki_document *out)
{
	const unsigned char *begin = s.at;

	skip(&s, strlen(begin_mark));
	const unsigned char *end = find(&s, dashes);
	if (!end)
		return 0;
	out->form = PKI_PEM;
	out->label = (const char *)s.at;
	out->label_len = (size_t)(end - s.at);
	skip(&s, out->label_len + strlen(dashes));
	out->body = s.at;
	end = find(&s, end_mark);
	if (!end)
		return 0;
	out->len = (size_t)(end - s.at);
	skip(&s, out->len + strlen(end_mark));
	end = find(&s, dashes);
	if (!end)
		return 0;
	/* Labels differ (RFC 7468 2): including the END mark in the body
	 * makes pki_document_der refuse it. */
	if ((size_t)(end - s.at) != out->label_len ||
	    memcmp(s.at, out->label, out->label_len) != 0)
		out->len += strlen(end_mark);
	out->end = (size_t)(end + strlen(dashes) - begin);
	return 1;
}

/* --- explanatory text --- */

/*
 * Explanatory text begins with a line of several words, or with one that has a
 * sign as in `Subject:`, `issuer=`, `# mine`. A bare word is a mistake, and is
 * refused as soon as its line ends.
 */
static bool is_explanatory(const struct span *text)
{
	static const char signs[] = " \t:=#";
	size_t n = 0;

	while (n < text->len && text->at[n] != '\n' && text->at[n] != '\r')
		if (strchr(signs, text->at[n++]))
			return true;
	return n == text->len;
}

static bool has_long_line(const struct span *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++) {
		n = text->at[i] == '\n' || text->at[i] == '\r' ? 0 : n + 1;
		if (n > LINE_MAX)
			return true;
	}
	return false;
}

static int check_text(const struct span *text, const char **reason)
{
	static const char neither[] = "this is neither PEM nor DER";

	if (text->len && begins(text, "1|"))
		return refuse(
		    -EINVAL, "a provisioning key does not belong here", reason);
	for (size_t i = 0; i < text->len; i++)
		if (!is_text(text->at[i]))
			return refuse(-EBADMSG, neither, reason);
	if (!is_explanatory(text) || has_long_line(text))
		return refuse(-EBADMSG, neither, reason);
	return 0;
}

/* UTF-16 with its byte order mark, or its first character is ASCII. */
static bool is_utf16(const struct span *s)
{
	return begins(s, "\xff\xfe") || begins(s, "\xfe\xff") ||
	       (s->len >= 2 && (!s->at[0] != !s->at[1]) &&
		   is_text(s->at[0] | s->at[1]));
}

const char pki_utf16[] =
    "this is UTF-16: save it as ASCII or UTF-8, in PowerShell with `Out-File -Encoding ascii`";

bool pki_is_utf16(const void *data, size_t len)
{
	return is_utf16(&(struct span){data, len});
}

static void skip_blanks(struct span *s)
{
	if (begins(s, "\xef\xbb\xbf"))
		skip(s, 3);
	while (s->len && is_blank(s->at[0]))
		skip(s, 1);
}

/* --- finding documents --- */

int pki_document(
    const void *data, size_t len, struct pki_document *out, const char **reason)
{
	struct span s = {data, len};
	int rc;

	*out = (struct pki_document){0};
	*reason = NULL;
	if (s.len && may_begin_with(&s, "\xef\xbb\xbf") && s.len < 3)
		return 0;
	skip_blanks(&s);
	if (is_utf16(&s))
		return refuse(-EBADMSG, pki_utf16, reason);
	if (is_der(&s)) {
		rc = parse_der(&s, out, reason);
	} else if (is_undecided(&s)) {
		return 0;
	} else {
		const unsigned char *at = find_begin(&s);
		struct span text = {s.at, at ? (size_t)(at - s.at) : s.len};
		rc = check_text(&text, reason);
		if (rc || !at)
			return rc;
		skip(&s, text.len);
		rc = parse_pem(s, out);
	}
	if (rc == 1)
		out->end += (size_t)(s.at - (const unsigned char *)data);
	return rc;
}

int pki_document_next(const void *data, size_t len, struct pki_document *out)
{
	struct span s = {data, len};
	const unsigned char *at = find_begin(&s);

	*out = (struct pki_document){0};
	if (!at)
		return 0;
	skip(&s, (size_t)(at - s.at));
	int rc = parse_pem(s, out);
	out->end += (size_t)(at - (const unsigned char *)data);
	return rc;
}

/* --- classification --- */

bool pki_document_begins_der(const void *data, size_t len)
{
	return is_der(&(struct span){data, len});
}

bool pki_document_is(const struct pki_document *document, const char *label)
{
	return document->form == PKI_PEM &&
	       document->label_len == strlen(label) &&
	       memcmp(document->label, label, document->label_len) == 0;
}

bool pki_document_is_key(const struct pki_document *document)
{
	static const char tail[] = "PRIVATE KEY";
	size_t n = sizeof(tail) - 1;

	return document->form == PKI_PEM && document->label_len >= n &&
	       memcmp(document->label + document->label_len - n, tail, n) == 0;
}

bool pki_document_has_headers(const struct pki_document *document)
{
	return document->form == PKI_PEM &&
	       memchr(document->body, ':', document->len);
}

/* --- base64 --- */

int pki_base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes four characters into out, of three bytes. Returns how many they are:
 * less than three ends the text. -EBADMSG: not base64. */
static int decode_group(const unsigned char in[4], unsigned char *out)
{
	uint32_t n = 0;
	int pads = (in[2] == '=') + (in[3] == '=');

	if (in[2] == '=' && in[3] != '=')
		return -EBADMSG;
	for (int i = 0; i < 4; i++) {
		int digit = i >= 4 - pads ? 0 : pki_base64_digit(in[i]);
		if (digit < 0)
			return -EBADMSG;
		n = n << 6 | (uint32_t)digit;
	}
	for (int i = 0; i < 3; i++)
		out[i] = (unsigned char)(n >> (16 - 8 * i));
	return 3 - pads;
}

/* RFC 7468 3, laxbase64text: white space anywhere. */
static int decode(const unsigned char *text, size_t len, struct bytes *der)
{
	unsigned char group[4];
	size_t n = 0, end = der->len;
	int got = 3, rc = bytes_extend(der, len / 4 * 3);

	if (rc)
		return rc;
	for (size_t i = 0; i < len && !rc; i++) {
		if (is_blank(text[i]))
			continue;
		group[n++] = text[i];
		if (n < sizeof(group))
			continue;
		n = 0;
		got = got == 3 ? decode_group(group, der->data + end)
			       : -EBADMSG;
		if (got < 0)
			rc = got;
		else
			end += (size_t)got;
	}
	explicit_bzero(group, sizeof(group));
	der->len = end;
	return rc ? rc : n || !end ? -EBADMSG : 0;
}

int pki_document_der(const struct pki_document *document, struct bytes *der)
{
	if (document->form == PKI_DER)
		return bytes_add(der, document->body, document->len);
	return decode(document->body, document->len, der);
}
