/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_READER_H
#define STORE_BACKUP_READER_H

/* Reading a copy of export/ and checking it. Faults are logged with the file's
 * name. */
#include "store/internal.h"

struct copy {
	const struct store *store; /* has the id and the master key */
	const struct store_restore *how;
	const char *from; /* the copy's folder, without a trailing slash */
	int64_t first;	  /* number of the first segment, */
	int64_t segments; /* of the last one */
	int64_t earlier;  /* segments before the first: of before a trim */
	int64_t records;  /* number of the last record read */
	bool torn;	  /* an incomplete record follows */
	int64_t done, total;
};

/* Logs a fault of a file. Returns -EBADMSG. */
int copy_wrong(const struct copy *copy, const char *path, const char *what);

/* Visits all names: sets segments and total. Returns 0, -EBADMSG (a name that
 * is not of an export, a file that cannot be read) or -ENOMEM. */
int copy_measure(struct copy *copy);

/* Appends an object's file, at most 4 MiB, without its padding, NUL-terminated.
 * Returns 0, -EBADMSG or -ENOMEM. */
int copy_read(const struct copy *copy, const char *path, struct bytes *out);

/* Checks head and MAC of a file from copy_read. Returns 0, -EBADMSG or
 * -ENOMEM. */
int copy_check(
    const struct copy *copy, const char *path, const struct bytes *text);

/* Calls fn for each object's file, checked and NUL-terminated, in the order of
 * names. fn returns 0 or -errno, which is then the result. */
typedef int (*copy_file_fn)(const char *path, const char *text, void *arg);
int copy_each_file(struct copy *copy, copy_file_fn fn, void *arg);

/*
 * Calls fn for each record of the trail, checked, in order. line is the whole
 * record; text, of len bytes, is the part between its head and MAC. fn returns
 * NULL or a fault. An incomplete last record is skipped. Sets records and torn.
 * Returns 0, -EBADMSG or -ENOMEM.
 */
typedef const char *(*copy_record_fn)(
    int64_t seq, const char *line, const char *text, size_t len, void *arg);
int copy_each_record(struct copy *copy, copy_record_fn fn, void *arg);

#endif
