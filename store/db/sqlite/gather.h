/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_SQLITE_GATHER_H
#define STORE_DB_SQLITE_GATHER_H

/*
 * A write-ahead log whose writes are gathered: SQLite writes a header of 24
 * bytes and a page for each frame, one behind the other, and syncs behind a
 * commit. What follows on each other becomes one write, at the latest when it
 * is synced or read; an error arrives then.
 *
 * Only for connections with `synchronous = FULL`: they sync the log before
 * others learn of a commit.
 */
#include <sqlite3.h>
#include <stddef.h>

struct gather {
	unsigned char *data; /* NULL: nothing was ever written */
	size_t len;
	sqlite3_int64 at; /* offset in the file */
};

/* Gathers the writes of a log that was opened. `offset` is that of its struct
 * gather from `file`, the same for all files. */
void gather_writes(sqlite3_file *file, size_t offset);

#endif
