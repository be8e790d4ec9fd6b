/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_BYTES_H
#define STORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing buffer for text and binary alike. Zero-initialise it. Whatever it
 * held is wiped when it is freed or moves, so that one type serves secrets and
 * everything else.
 */
struct bytes {
	unsigned char *data;
	size_t len;
	size_t cap;
};

/* Appends n bytes. 0, or -ENOMEM with the buffer as it was. */
int bytes_add(struct bytes *b, const void *data, size_t n);

/* Appends what `from` has at an offset, at most n bytes: nothing behind its
 * end. 0 or -ENOMEM. */
int bytes_add_part(
    struct bytes *b, const struct bytes *from, size_t offset, size_t n);

/* Appends formatted text, without a terminating NUL. 0 or -ENOMEM. */
int bytes_printf(struct bytes *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes, zeroed, and counts them in. 0 or -ENOMEM. */
int bytes_extend(struct bytes *b, size_t n);

/* Gives back what it has room for and does not hold. 0 or -ENOMEM. */
int bytes_fit(struct bytes *b);

/* Exchanges two buffers' contents: nothing can fail. */
void bytes_swap(struct bytes *a, struct bytes *b);

/* Wipes and frees the content; the buffer can be used again. */
void bytes_free(struct bytes *b);

/* Whether n bytes are all white space or control characters: what a PEM reader
 * skips, too. */
bool all_space(const void *data, size_t n);

/* Lower-case hex of n bytes, NUL-terminated; out has 2 * n + 1 bytes. */
void hex_text(const void *data, size_t n, char *out);

/* The reverse: exactly 2 * n hex digits. 0 or -EINVAL. */
int hex_bytes(const char *text, size_t len, void *out, size_t n);

#define CLEANUP_BYTES __attribute__((cleanup(bytes_free)))

#endif
