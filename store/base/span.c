/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/span.h"

#include <stdio.h>
#include <string.h>

struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool span_is(struct span span, const char *text)
{
	return span_equal(span, span_of(text));
}

bool span_only(struct span span, const char *bytes)
{
	for (size_t i = 0; i < span.len; i++)
		if (!span.at[i] || !strchr(bytes, span.at[i]))
			return false;
	return true;
}

bool span_take(struct span *span, const char *prefix)
{
	size_t n = strlen(prefix);

	if (span->len < n || memcmp(span->at, prefix, n) != 0)
		return false;
	span->at += n;
	span->len -= n;
	return true;
}

bool span_line(const char **text, struct span *line)
{
	if (!**text)
		return false;
	*line = (struct span){*text, strcspn(*text, "\n")};
	*text += line->len;
	if (**text)
		++*text;
	return true;
}

bool span_word(const char **text, struct span *word)
{
	static const char blanks[] = " \t\n";

	*text += strspn(*text, blanks);
	*word = (struct span){*text, strcspn(*text, blanks)};
	*text += word->len;
	return word->len;
}

/* Returns the number of bytes that one takes in the message. */
static size_t quote_byte(char byte, char *out)
{
	if (byte == '"' || byte == '\\') {
		out[0] = '\\';
		out[1] = byte;
		return 2;
	}
	if (byte >= ' ' && byte <= '~') {
		out[0] = byte;
		return 1;
	}
	return (size_t)sprintf(out, "\\x%02x", (unsigned char)byte);
}

const char *span_quote(struct span span, char *out, size_t size)
{
	enum { LONGEST = sizeof("\\x00") - 1, CUT = sizeof("...") };
	size_t n = 0;

	for (size_t i = 0; i < span.len; i++) {
		if (n + LONGEST + CUT > size) {
			memcpy(out + n, "...", CUT);
			return out;
		}
		n += quote_byte(span.at[i], out + n);
	}
	out[n] = '\0';
	return out;
}
