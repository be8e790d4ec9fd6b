/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_RESTORE_H
#define STORE_BACKUP_RESTORE_H

/* The two halves of a restore: rebuild.c creates the file, restore.c its
 * content. */
#include <jansson.h>

#include "store/backup/anchor.h"
#include "store/backup/reader.h"

/* The mark in store.json: the last line of the audit trail at its export. */
struct restore_mark {
	int64_t records; /* number of its record; 0: none, as in 0.1.0 */
	char hash[2 * PKI_HASH + 1];
};

struct restore {
	struct store *store;
	struct copy copy;
	struct bytes store_json;
	json_t *store_object; /* parsed */
	struct restore_mark mark;
	struct anchor anchor;
	struct bytes seen[STORE_KINDS]; /* bitmaps: ids with a file */
	struct bytes missing;		/* array of struct missing */
	struct db_conn *conn;		/* the job's */
	int64_t now;			/* the job's moment */
};

/* Stores everything in the copy, or nothing. Its argument is a struct
 * restore. */
extern const struct db_job restore_job;

#endif
