/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

/* Reading a copy of export/: its files, what is wrong with them, the records of
 * its trail. */
#include "store/internal.h"

struct copy {
	const struct store *store; /* whose id and master key it has to have */
	const struct store_restore *how;
	const char *from; /* its folder, without a slash behind */
	int64_t segments; /* the highest number */
	int64_t records;  /* the number of the last one taken */
	bool torn;	  /* and another one begins behind it */
	int64_t done, total;
};

/* Says what is wrong with one of its files. -EBADMSG. */
int copy_wrong(const struct copy *copy, const char *path, const char *what);

/* Looks at the names of all files and at their lengths. */
int copy_measure(struct copy *copy);

/* Appends an object's file without its padding, NUL-terminated. */
int copy_read(const struct copy *copy, const char *path, struct bytes *out);

/* Checks that it is what the store wrote at this path. */
int copy_check(
    const struct copy *copy, const char *path, const struct bytes *text);

/* Called for each object's file, checked; in the order of names. */
typedef int (*copy_file_fn)(const char *path, const char *text, void *arg);
int copy_each_file(struct copy *copy, copy_file_fn fn, void *arg);

/*
 * Called for each record of the trail, checked, in order. text: what is between
 * its head and MAC, of that length; line: the whole of it. Answers what is
 * wrong with it, or NULL. A torn last one is left out. Sets copy->records and
 * copy->torn.
 */
typedef const char *(*copy_record_fn)(
    int64_t seq, const char *line, const char *text, size_t len, void *arg);
int copy_each_record(struct copy *copy, copy_record_fn fn, void *arg);

#endif
