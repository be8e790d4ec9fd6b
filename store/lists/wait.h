/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_WAIT_H
#define STORE_LISTS_WAIT_H

/* Waiting until a revocation is on a list (store_wait_listed). */
#include <stdbool.h>

struct store;

/* In the keeper's thread, after it has signed: answers those whose wait is
 * over. Returns whether others go on. */
bool waits_answer(struct store *store);

#endif
