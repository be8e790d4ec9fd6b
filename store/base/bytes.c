/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct bytes *b, size_t n)
{
	if (n <= b->cap - b->len)
		return 0;
	if (n > SIZE_MAX / 4 - b->len)
		return -ENOMEM;
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->len < n)
		cap *= 2;
	/* Not realloc(3), which leaves the old content unwiped. */
	unsigned char *data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return 0;
}

int bytes_add(struct bytes *b, const void *data, size_t n)
{
	int rc = reserve(b, n);

	if (rc)
		return rc;
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	return 0;
}

int bytes_add_part(
    struct bytes *b, const struct bytes *from, size_t offset, size_t n)
{
	if (offset >= from->len)
		return 0;
	return bytes_add(b, from->data + offset,
	    n < from->len - offset ? n : from->len - offset);
}

int bytes_extend(struct bytes *b, size_t n)
{
	int rc = reserve(b, n);

	if (rc)
		return rc;
	if (n)
		memset(b->data + b->len, 0, n);
	b->len += n;
	return 0;
}

int bytes_printf(struct bytes *b, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	/* usually there is room; what does not fit is formatted once more */
	size_t room = b->cap - b->len;
	int n = vsnprintf(
	    room ? (char *)b->data + b->len : NULL, room, format, args);
	int rc = n < 0 ? -ENOMEM : 0;
	if (!rc && (size_t)n >= room) {
		rc = reserve(b, (size_t)n + 1);
		if (!rc)
			vsnprintf((char *)b->data + b->len, (size_t)n + 1,
			    format, again);
	}
	va_end(again);
	va_end(args);
	if (!rc)
		b->len += (size_t)n;
	return rc;
}

int bytes_number(struct bytes *b, int64_t number)
{
	char text[20]; /* of INT64_MIN */
	size_t at = sizeof(text);
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do
		text[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (number < 0)
		text[--at] = '-';
	return bytes_add(b, text + at, sizeof(text) - at);
}

int bytes_fit(struct bytes *b)
{
	struct bytes fit = {.len = b->len, .cap = b->len};

	if (b->len == b->cap)
		return 0;
	fit.data = b->len ? malloc(b->len) : NULL;
	if (b->len && !fit.data)
		return -ENOMEM;
	if (b->len)
		memcpy(fit.data, b->data, b->len);
	bytes_free(b);
	*b = fit;
	return 0;
}

void bytes_swap(struct bytes *a, struct bytes *b)
{
	struct bytes was = *a;

	*a = *b;
	*b = was;
}

void bytes_free(struct bytes *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	*b = (struct bytes){0};
}

bool all_space(const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		if (p[i] > ' ')
			return false;
	return true;
}

void hex_text(const void *data, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit[p[i] >> 4];
		out[2 * i + 1] = digit[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_bytes(const char *text, size_t len, void *out, size_t n)
{
	unsigned char *p = out;

	if (len != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		p[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}
