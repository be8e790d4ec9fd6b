/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_RECENT_H
#define STORE_BASE_RECENT_H

/* What was seen lately, by hash; for any thread. It forgets, and may take one
 * thing for another: good for a guess that is checked. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECENT_SLOTS = 4096 };

/* Zeros: nothing was seen. */
struct recent {
	_Atomic uint64_t slot[RECENT_SLOTS];
};

void recent_note(struct recent *recent, const void *data, size_t len);
bool recent_has(const struct recent *recent, const void *data, size_t len);

#endif
