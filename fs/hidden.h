/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_HIDDEN_H
#define FS_HIDDEN_H

/*
 * Programs that remove a tree unlink the files of an object before its rmdir.
 * Attributes cannot be deleted, so they are hidden: until the rmdir, until the
 * file is created again, or until HIDDEN_SECONDS after the last unlink in that
 * directory. Kept in memory, which is bounded.
 */
#include <stdbool.h>
#include <stdint.h>

enum { HIDDEN_SECONDS = 2, HIDDEN_DIRECTORIES = 1024, HIDDEN_ENTRIES = 64 };

/* Hides an entry of a directory, by its number (below HIDDEN_ENTRIES). Beyond
 * HIDDEN_DIRECTORIES, the directory hidden first is visible again. */
void hidden_add(uint64_t dir, unsigned int entry);

bool hidden_has(uint64_t dir, unsigned int entry);

/*
 * After a rmdir of a fixed directory, the kernel keeps its inode dead for
 * processes that have it open. The directory that comes back under this inode
 * number needs another generation, until hidden_forget.
 */
void hidden_renew(uint64_t ino);
unsigned int hidden_generation(uint64_t ino);

/* Makes an entry visible again; forgets a directory that was deleted. */
void hidden_show(uint64_t dir, unsigned int entry);
void hidden_forget(uint64_t dir);

#endif
