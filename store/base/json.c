/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/json.h"

#include <string.h>

/* RFC 8259 7: these have to be escaped, and no others are. html: < as well. */
static bool is_plain(unsigned char c, bool html)
{
	return c >= ' ' && c != '"' && c != '\\' && !(html && c == '<');
}

static int add_escaped(struct bytes *out, unsigned char c)
{
	static const char control[] = "\b\t\n\f\r", letter[] = "btnfr";
	const char *at = c ? strchr(control, c) : NULL;

	if (c == '"' || c == '\\')
		return bytes_printf(out, "\\%c", c);
	if (at)
		return bytes_printf(out, "\\%c", letter[at - control]);
	return bytes_printf(out, "\\u%04x", c);
}

static int add_string(struct bytes *out, const void *text, size_t len, bool html)
{
	const unsigned char *p = text, *end = p + len;
	int rc = bytes_add(out, "\"", 1);

	while (p < end && !rc) {
		const unsigned char *from = p;
		while (p < end && is_plain(*p, html))
			p++;
		rc = bytes_add(out, from, (size_t)(p - from));
		if (!rc && p < end)
			rc = add_escaped(out, *p++);
	}
	return rc ? rc : bytes_add(out, "\"", 1);
}

int json_text(struct bytes *out, const void *text, size_t len)
{
	return add_string(out, text, len, false);
}

int json_html_text(struct bytes *out, const void *text, size_t len)
{
	return add_string(out, text, len, true);
}

int json_hex(struct bytes *out, const void *data, size_t len)
{
	static const char digit[] = "0123456789ABCDEF";
	const unsigned char *p = data;
	size_t at = out->len;
	int rc = bytes_extend(out, 2 * len + 2);

	if (rc)
		return rc;
	out->data[at++] = '"';
	for (size_t i = 0; i < len; i++) {
		out->data[at++] = (unsigned char)digit[p[i] >> 4];
		out->data[at++] = (unsigned char)digit[p[i] & 15];
	}
	out->data[at] = '"';
	return 0;
}
