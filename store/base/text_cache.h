/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_TEXT_CACHE_H
#define STORE_BASE_TEXT_CACHE_H

/*
 * A cache of parts of a long text that only grows: what has been rendered once
 * is read again as bytes. At most 64 MiB, in a file in memory (memfd_create(2)),
 * not on a disk: reading must work while that is full or frozen.
 */
#include <pthread.h>
#include <stdint.h>

#include "store/base/bytes.h"

enum { TEXT_PART = 65536, TEXT_PARTS = 1024 };

struct text_cache {
	pthread_mutex_t lock; /* for fd */
	int fd;		      /* -1: not made yet */
	struct text_part {
		/* Held for writing while the part is rendered. */
		pthread_rwlock_t lock;
		int64_t index; /* offset / TEXT_PART of what is in it */
		size_t filled; /* bytes */
	} part[TEXT_PARTS];
};

void text_cache_init(struct text_cache *cache);
void text_cache_destroy(struct text_cache *cache);

/* Appends at most size bytes of the text from offset on, fewer only at its end.
 * Returns 0 or -errno. */
typedef int (*text_render_fn)(
    int64_t offset, size_t size, struct bytes *out, void *arg);

/*
 * As text_render_fn, from the cache. What is missing in it is rendered and
 * kept; meanwhile others that read the same part wait. Where there is no memory
 * for the cache, it is rendered for this caller alone.
 */
int text_cache_read(struct text_cache *cache, int64_t offset, size_t size,
    text_render_fn render, void *arg, struct bytes *out);

/* Gives the memory back. */
void text_cache_clear(struct text_cache *cache);

#endif
