/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

/* The two halves of a restore: rebuild.c makes the file, restore.c what is in
 * it. */
#include <jansson.h>

#include "store/backup/reader.h"

/* What store.json names: the last line of the audit trail when it was read. */
struct restore_mark {
	int64_t records; /* the number of its record; 0: it names none, as those
			    of version 0.1.0 */
	char hash[2 * PKI_HASH + 1];
};

struct restore {
	struct store *store;
	struct copy copy;
	struct bytes store_json;
	json_t *store_object; /* the same, parsed */
	struct restore_mark mark;
	struct bytes seen[STORE_KINDS]; /* bits of ids: whose files were there */
	struct bytes missing;		/* of struct missing */
	struct db_conn *conn;		/* in the job */
	int64_t now;			/* of the job */
};

/* Everything that is in the copy, or nothing; of a struct restore. */
extern const struct db_job restore_job;

#endif
