/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TRIM_H
#define STORE_TRIM_H

/* Trimming a store that nobody else has open. */
#include <limits.h>
#include <stdint.h>

struct store;
struct store_call;

struct store_trim {
	int64_t before;	 /* seconds: lines of the audit trail before it go to a
			    file; 0: none do */
	int64_t expired; /* seconds: what expired until then is deleted; 0:
			    nothing is */
	const char *folder; /* for that file; NULL: the store's own, or of a
			       store on a server the present one */

	/* What was done. */
	int64_t members, certs, others; /* rows that were deleted */
	int64_t lines;
	char file[PATH_MAX]; /* that has the lines */
};

/*
 * Moves old lines of the audit trail to a file, and deletes members whose
 * certificates have all expired, expired certificates of other members but
 * their first and newest ones, and what has been removed and nothing names any
 * more. What is, or has to be, on a revocation list stays.
 *
 * The file is on disk before the lines go; the rest is one transaction. The
 * space is given back when the store is closed. If it is interrupted, another
 * trim finishes it.
 *
 * Returns 0, -EEXIST (the file is there, with another content) or -errno,
 * logged.
 */
int store_trim(
    struct store *store, struct store_call *call, struct store_trim *trim);

#endif
