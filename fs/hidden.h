/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_HIDDEN_H
#define FS_HIDDEN_H

/*
 * Whatever removes a tree unlinks the files in an object before its rmdir. They
 * cannot go by themselves, so they are hidden for a moment: until the rmdir,
 * until one is made again, or until HIDDEN_SECONDS have passed since the last
 * one in that directory. In memory, and bounded.
 */
#include <stdbool.h>
#include <stdint.h>

enum { HIDDEN_SECONDS = 2, HIDDEN_DIRECTORIES = 1024, HIDDEN_ENTRIES = 64 };

/* Hides entry number `entry` (below HIDDEN_ENTRIES) of a directory. In more
 * than HIDDEN_DIRECTORIES at once, what has been hidden longest shows again. */
void hidden_add(uint64_t dir, unsigned int entry);

bool hidden_has(uint64_t dir, unsigned int entry);

/*
 * A directory was removed for the kernel: to whoever still holds it, it stays
 * dead. What comes back under its inode number needs another generation, until
 * hidden_forget.
 */
void hidden_renew(uint64_t ino);
unsigned int hidden_generation(uint64_t ino);

/* Shows one again; all of a directory, which is gone. */
void hidden_show(uint64_t dir, unsigned int entry);
void hidden_forget(uint64_t dir);

#endif
