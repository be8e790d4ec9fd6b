/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/json.h"

#include <string.h>

/* Escapes what RFC 8259 7 requires, and nothing else. */
static int json_char(struct bytes *out, unsigned char c)
{
	static const char control[] = "\b\t\n\f\r", letter[] = "btnfr";
	const char *at = c ? strchr(control, c) : NULL;

	if (c == '"' || c == '\\')
		return bytes_printf(out, "\\%c", c);
	if (at)
		return bytes_printf(out, "\\%c", letter[at - control]);
	if (c < ' ')
		return bytes_printf(out, "\\u%04x", c);
	return bytes_add(out, &c, 1);
}

int json_text(struct bytes *out, const void *text, size_t len)
{
	const unsigned char *p = text;
	int rc = bytes_add(out, "\"", 1);

	for (size_t i = 0; i < len && !rc; i++)
		rc = json_char(out, p[i]);
	return rc ? rc : bytes_add(out, "\"", 1);
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
