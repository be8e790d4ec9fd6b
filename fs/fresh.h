/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_FRESH_H
#define FS_FRESH_H

/*
 * Inode numbers of conversations, with their counter (ino.h). A lookup gets the
 * number of the last lookup again while no file is open on it: the kernel then
 * keeps the name that it has cached, and needs one request instead of three.
 * Writers that are open at the same time get a number each, so that they do not
 * wait for each other; while FRESH_ALONE or more are open, two share one. Kept
 * in memory, which is bounded.
 */
#include <stdint.h>

/* FRESH_SECONDS: longer than the kernel caches the attributes that a lookup
 * answers. FRESH_FILES: for how many files the last number is known. */
enum { FRESH_SECONDS = 3, FRESH_FILES = 1024, FRESH_ALONE = 16 };

/* The number that a lookup answers, from the one without a counter. */
uint64_t fresh_give(uint64_t ino);

/* A file was opened on a number of fresh_give, and was closed. No effect for
 * other numbers. */
void fresh_open(uint64_t ino);
void fresh_close(uint64_t ino);

/*
 * Calls fn for each number of this conversation that was given within
 * FRESH_SECONDS, and maybe for some that were not, until it returns non-zero.
 * Returns what fn returned last, or 0.
 */
int fresh_each(uint64_t ino, int (*fn)(uint64_t ino, void *arg), void *arg);

#endif
