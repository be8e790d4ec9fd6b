/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_ANCHOR_H
#define STORE_BACKUP_ANCHOR_H

/*
 * Where journal and audit trail begin after a trim, which has made the journal
 * anew and may have moved the trail's older lines to a file. The setting
 * `anchor` has it, with a MAC: nobody without the master key can move it, and
 * so cut off what is in front of it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "store/db/db.h"
#include "store/pki/pki.h"

struct store;
struct json_t;

struct anchor {
	int64_t records; /* number of the record before the first; a multiple of
			    EXPORT_SEGMENT. 0: there was no trim */
	int64_t line;	 /* number of the line before the first, */
	char hash[2 * PKI_HASH + 1]; /* and its SHA-256 in hex; zeros: none */
};

/* One that stands before the first line. */
void anchor_init(struct anchor *anchor);

/* Reads the setting. Returns 0, also if there is none; -EBADMSG (it was
 * changed) or -errno. */
int anchor_read(
    struct db_conn *conn, const struct store *store, struct anchor *out);

/* In a job: stores the setting. Returns 0 or -errno. */
int anchor_write(struct db_conn *conn, const struct store *store,
    const struct anchor *anchor);

/* Appends the members of its JSON: `"records":` and so on. Returns 0 or
 * -ENOMEM. */
int anchor_json(const struct anchor *anchor, struct bytes *out);

/* Reads these members of an object; NULL: as anchor_init. Returns whether they
 * are well formed. */
bool anchor_parse(const struct json_t *json, struct anchor *out);

#endif
