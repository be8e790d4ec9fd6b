/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_NAME_H
#define STORE_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Names become CN and OU, limited to 64 characters by RFC 5280 appendix A.1
 * (ub-common-name, ub-organizational-unit-name). */
enum { NAME_MAX_LEN = 64, DOMAIN_MAX_LEN = 64 };

/* Whether an object's name is legal: 1 to 64 of A-Z a-z 0-9 . _ -, beginning
 * with a letter or digit. name need not be terminated. */
bool name_legal(const char *name, size_t len);

/* Whether it is a lower-case DNS name (RFC 1123 2.1) of at most 64 bytes, with
 * labels of at most 63 (RFC 1035 2.3.4) and no trailing dot. */
bool domain_legal(const char *name);

#endif
