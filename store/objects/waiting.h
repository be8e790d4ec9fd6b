/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_WAITING_H
#define STORE_OBJECTS_WAITING_H

/* Requests that wait for approval, see approval.h. */
#include <stdint.h>

/* A code's digits; with a blank after each four but the last. */
enum { PENDING_CODE = 16, PENDING_CODE_FOURS = 19 };

/* Writes the code for the SHA-256 of a public key, in hex. */
void pending_code(const unsigned char *hash, char code[PENDING_CODE + 1]);

/* The same in fours, for people. */
void pending_code_fours(
    const unsigned char *hash, char code[PENDING_CODE_FOURS + 1]);

/* Moments: requests that came after it still wait; those that were rejected
 * after it still count. */
int64_t pending_since(int64_t now);
int64_t rejected_since(int64_t now);

#endif
