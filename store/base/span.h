/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_SPAN_H
#define STORE_BASE_SPAN_H

/* Parts of a text. Pure functions. */
#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *at;
	size_t len;
};

/* The whole of a text. */
struct span span_of(const char *text);

bool span_equal(struct span a, struct span b);
bool span_is(struct span span, const char *text);

/* Whether each byte is one of these. True for none. */
bool span_only(struct span span, const char *bytes);

/* Takes a prefix off. Returns false, with *span as it was, if it is not
 * there. */
bool span_take(struct span *span, const char *prefix);

/* Takes a line off a text, without its newline, which the last one need not
 * have. Returns false at the end. */
bool span_line(const char **text, struct span *line);

/* Takes a word off a text, and blanks and newlines before it. Returns false,
 * with an empty word, at the end. */
bool span_word(const char **text, struct span *word);

/* Writes outside bytes for a message, NUL-terminated: printable ASCII as it is,
 * \\ and \" with a backslash, others as \x00; and "..." where it has to be cut.
 * size is at least 8. Returns out. */
const char *span_quote(struct span span, char *out, size_t size);

#endif
