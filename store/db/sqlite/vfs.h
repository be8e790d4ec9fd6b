/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_VFS_H
#define STORE_DB_VFS_H

/*
 * SQLite's file layer for a store that one process has for itself. The index of
 * the write-ahead log is in memory, so opening takes no block of the disk, and
 * no mapped page of a full disk can end the process (SIGBUS). Other programs
 * are kept out by a lock on the main file for as long as a connection is open;
 * SQLite answers them SQLITE_BUSY.
 *
 * All of these layers take a file's name as it is, see sqlite_name.
 */
#include <stdbool.h>

enum db_vfs {
	DB_VFS_SHARED, /* the index is a mapped file, other programs can read
			  along */
	DB_VFS_ALONE,
	DB_VFS_READ, /* makes and changes no file; without a write-ahead log as
			with an empty one */
	DB_VFS_MAIN, /* the same for the main file alone, whatever its
			write-ahead log has */
};

/* The name to open a connection with; NULL, which is SQLite's default, if there
 * is no memory. */
const char *db_vfs_name(enum db_vfs which);

/*
 * Whether a mapped page of a file can always be written once SQLite has made
 * it: it writes one byte to every 4,096. That needs another block where files
 * share blocks (btrfs, xfs, bcachefs) and where blocks are smaller; a full disk
 * answers with SIGBUS. name: of a file that may be opened for writing.
 */
bool db_vfs_maps_safely(const char *name);

#endif
