/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_NAME_H
#define STORE_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Names become CN and OU, which RFC 5280 appendix A.1 bounds at 64 characters
 * (ub-common-name). */
enum { NAME_MAX_LEN = 64, DOMAIN_MAX_LEN = 64 };

/* 1 to 64 of A-Z a-z 0-9 . _ - that begin with a letter or digit. */
bool name_legal(const char *name, size_t len);

/* A lower-case DNS name (RFC 1123 2.1, labels of RFC 1035 2.3.4) of at most 64
 * bytes. */
bool domain_legal(const char *name);

#endif
