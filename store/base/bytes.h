/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_BYTES_H
#define STORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing buffer for text and binary data. Zero-initialize it, free it with
 * bytes_free. It wipes its content when it is freed or reallocated, so it may
 * hold secrets.
 */
struct bytes {
	unsigned char *data;
	size_t len;
	size_t cap;
};

/* Appends n bytes, which must not be the buffer's own; data may be NULL if n is
 * 0. Returns 0, or -ENOMEM with the buffer unchanged. */
int bytes_add(struct bytes *b, const void *data, size_t n);

/* Appends up to n bytes of `from`, starting at offset; nothing from its end on.
 * Returns 0 or -ENOMEM. */
int bytes_add_part(
    struct bytes *b, const struct bytes *from, size_t offset, size_t n);

/* Appends formatted text without a terminating NUL. Returns 0 or -ENOMEM. */
int bytes_printf(struct bytes *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends a number in decimal, as bytes_printf does, which takes a multiple of
 * the time. Returns 0 or -ENOMEM. */
int bytes_number(struct bytes *b, int64_t number);

/* Appends n zero bytes. Returns 0 or -ENOMEM. */
int bytes_extend(struct bytes *b, size_t n);

/* Shrinks the allocation to the content. Returns 0, or -ENOMEM with the buffer
 * unchanged. */
int bytes_fit(struct bytes *b);

/* Exchanges the contents of two buffers. Cannot fail. */
void bytes_swap(struct bytes *a, struct bytes *b);

/* Wipes and frees the content. The buffer is empty then and may be reused. */
void bytes_free(struct bytes *b);

/* Whether all n bytes are white space or control characters (0x00 to 0x20), as
 * PEM readers skip them. True for none. */
bool all_space(const void *data, size_t n);

/* Writes n bytes as lower-case hex, NUL-terminated; out has 2 * n + 1 bytes. */
void hex_text(const void *data, size_t n, char *out);

/* Reads exactly 2 * n hex digits of either case into n bytes. Returns 0 or
 * -EINVAL; out may be partly written then. */
int hex_bytes(const char *text, size_t len, void *out, size_t n);

#define CLEANUP_BYTES __attribute__((cleanup(bytes_free)))

#endif
