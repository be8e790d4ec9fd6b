/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/recent.h"

/* FNV-1a, 64 bits; never 0, which is an empty slot. */
static uint64_t hash_of(const unsigned char *data, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

void recent_note(struct recent *recent, const void *data, size_t len)
{
	uint64_t hash = hash_of(data, len);

	atomic_store_explicit(&recent->slot[(hash >> 32) % RECENT_SLOTS], hash,
	    memory_order_relaxed);
}

bool recent_has(const struct recent *recent, const void *data, size_t len)
{
	uint64_t hash = hash_of(data, len);

	return atomic_load_explicit(&recent->slot[(hash >> 32) % RECENT_SLOTS],
		   memory_order_relaxed) == hash;
}
