/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pki/der.h"

#include <string.h>

#include "store/base/clock.h"

/* Bytes of the identifier and of a length up to 127 (X.690 8.1.3.4). */
enum { HEADER = 2 };

void der_raw(struct der *der, const void *data, size_t len)
{
	if (!der->rc)
		der->rc = bytes_add(der->out, data, len);
}

size_t der_begin(struct der *der, unsigned char tag)
{
	const unsigned char header[HEADER] = {tag, 0};

	der_raw(der, header, sizeof(header));
	return der->out->len;
}

void der_end(struct der *der, size_t at)
{
	size_t len = der->out->len - at, n = 0;

	if (der->rc)
		return;
	if (len < 0x80) {
		der->out->data[at - 1] = (unsigned char)len;
		return;
	}
	/* 8.1.3.5: the number of bytes, which make room, then the length */
	for (size_t rest = len; rest; rest >>= 8)
		n++;
	der->rc = bytes_extend(der->out, n);
	if (der->rc)
		return;
	unsigned char *content = der->out->data + at;
	memmove(content + n, content, len);
	content[-1] = (unsigned char)(0x80 | n);
	for (size_t i = 0; i < n; i++)
		content[i] = (unsigned char)(len >> 8 * (n - 1 - i));
}

void der_element(
    struct der *der, unsigned char tag, const void *data, size_t len)
{
	size_t at = der_begin(der, tag);

	der_raw(der, data, len);
	der_end(der, at);
}

void der_text(struct der *der, unsigned char tag, const char *text)
{
	der_element(der, tag, text, strlen(text));
}

void der_unsigned(struct der *der, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len && !*p) {
		p++;
		len--;
	}
	size_t at = der_begin(der, DER_INTEGER);
	/* two's complement: a leading 0 keeps it positive, and is zero itself */
	if (!len || *p & 0x80)
		der_raw(der, "", 1);
	der_raw(der, p, len);
	der_end(der, at);
}

void der_bit_string(struct der *der, const void *data, size_t len)
{
	size_t at = der_begin(der, DER_BIT_STRING);

	der_raw(der, "", 1);
	der_raw(der, data, len);
	der_end(der, at);
}

void der_time(struct der *der, int64_t seconds)
{
	char text[CLOCK_TEXT], digits[CLOCK_TEXT];
	size_t n = 0;

	clock_text(seconds, text);
	for (const char *p = text; *p; p++)
		if (!strchr("-T:", *p))
			digits[n++] = *p;
	if (memcmp(text, "1950", 4) >= 0 && memcmp(text, "2050", 4) < 0)
		der_element(der, DER_UTC_TIME, digits + 2, n - 2);
	else
		der_element(der, DER_GENERALIZED_TIME, digits, n);
}

/* Takes the length off, in the definite form; false if it is not the shortest
 * or has more than four octets. */
static bool take_length(struct der_rest *rest, size_t *len)
{
	if (!rest->len)
		return false;
	unsigned char first = *rest->at++;
	size_t n = first < 0x80 ? 0 : first & 0x7f;
	rest->len--;
	if (first == 0x80 || n > 4 || n > rest->len)
		return false;
	*len = first < 0x80 ? first : 0;
	for (size_t i = 0; i < n; i++)
		*len = *len << 8 | rest->at[i];
	rest->at += n;
	rest->len -= n;
	return !n || (*len >= 0x80 && *len >> 8 * (n - 1));
}

int der_take(struct der_rest *rest, struct der_rest *content)
{
	enum { MORE_OCTETS = 0x1f };
	struct der_rest left = *rest;
	size_t len;

	if (!left.len || (*left.at & MORE_OCTETS) == MORE_OCTETS)
		return -1;
	int tag = *left.at++;
	left.len--;
	if (!take_length(&left, &len) || len > left.len)
		return -1;
	*content = (struct der_rest){left.at, len};
	*rest = (struct der_rest){left.at + len, left.len - len};
	return tag;
}

bool der_take_tag(
    struct der_rest *rest, unsigned char tag, struct der_rest *content)
{
	return rest->len && *rest->at == tag && der_take(rest, content) == tag;
}
