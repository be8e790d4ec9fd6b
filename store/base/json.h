/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_JSON_H
#define STORE_BASE_JSON_H

/* Writing JSON (RFC 8259). Reading it is left to a library. */
#include "store/base/bytes.h"

/* Appends a string with its quotes; text is UTF-8. Returns 0 or -ENOMEM. */
int json_text(struct bytes *out, const void *text, size_t len);

/* The same for the content of an HTML element: < as \u003c, so that no tag can
 * begin or end in it. */
int json_html_text(struct bytes *out, const void *text, size_t len);

/* Appends a string of upper-case hex digits. Returns 0 or -ENOMEM. */
int json_hex(struct bytes *out, const void *data, size_t len);

#endif
