/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/backup/export.h"
#include "store/backup/reader.h"
#include "store/backup/restore.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/create.h"
#include "store/internal.h"
#include "store/open.h"

/*
 * Makes a store from a copy of export/, in a file of another name, which gets
 * the store's when it was found sound.
 */

/* --- the store's own file, and whose it is --- */

static int read_store(const struct db_row *row, void *arg)
{
	struct restore *r = arg;
	CLEANUP_BYTES struct bytes plain = {0};
	size_t len;

	db_text(row, 0, r->store->domain, sizeof(r->store->domain));
	const void *check = db_blob(row, 1, &len);
	return check && pki_unseal(r->store->sealer, "check", 0, check, len,
			    &plain) == 0
		   ? 1
		   : -EKEYREJECTED;
}

/* Its id stands in the head of its file, which the master key has yet to
 * confirm. */
static int identify(struct restore *r)
{
	int rc = copy_read(&r->copy, "store.json", &r->store_json);

	if (rc)
		return rc;
	const char *what = export_store_id(
	    (char *)r->store_json.data, r->store->id, sizeof(r->store->id));
	return what ? copy_wrong(&r->copy, "store.json", what) : 0;
}

static int read_mark(const struct db_row *row, void *arg)
{
	struct mark *mark = arg;

	mark->records = db_int(row, 0);
	db_text(row, 1, mark->hash, sizeof(mark->hash));
	return 1;
}

static int confirm(struct restore *r, const struct store_options *options)
{
	struct db_conn *conn = db_reader(r->store->db);
	int rc = db_each(conn, DB_RESTORE_STORE,
	    DB_ARGS(DB_TEXT((char *)r->store_json.data)), read_store, r);

	if (rc == -EKEYREJECTED) {
		report(LOG_ERR,
		    "%s/store.json was made with another master key, or is damaged",
		    r->copy.from);
		return rc;
	}
	if (!rc)
		rc = copy_check(&r->copy, "store.json", &r->store_json);
	if (!rc)
		rc = db_each(conn, DB_RESTORE_MARK,
		    DB_ARGS(DB_TEXT((char *)r->store_json.data)), read_mark,
		    &r->mark);
	if (!rc && options->domain &&
	    strcmp(options->domain, r->store->domain) != 0) {
		report(LOG_ERR,
		    "%s: its domain is %s and cannot be changed to %s",
		    r->copy.from, r->store->domain, options->domain);
		rc = -EINVAL;
	}
	return rc < 0 ? rc : 0;
}

/* What an operator wants to know: a copy that ends early is only an older
 * one. */
static int say_last(const struct db_row *row, void *arg)
{
	const struct restore *r = arg;
	char time[CLOCK_TEXT];

	clock_text(db_int(row, DB_OBJECT_CHANGED) / CLOCK_SECOND, time);
	report(LOG_NOTICE,
	    "restored what was recorded up to %s: %" PRId64
	    " records, domain %s",
	    time,
	    (db_int(row, DB_OBJECT_ID) - 1) * EXPORT_SEGMENT +
		db_int(row, DB_SEGMENT_RECORDS),
	    r->store->domain);
	return 0;
}

static void found(const char *text, void *arg)
{
	(void)arg;
	report(LOG_ERR, "%s", text);
}

static int fill(struct restore *r, const struct store_options *options)
{
	int rc = identify(r);

	if (!rc)
		rc = store_open_sealer(r->store, options, false, r->store->id);
	if (!rc)
		rc = confirm(r, options);
	if (!rc)
		rc = copy_measure(&r->copy);
	if (!rc && r->copy.segments == 0)
		rc = copy_wrong(&r->copy, "trail/00000001.jsonl", "is missing");
	if (!rc)
		rc = db_submit(r->store->db, restore_job, r);
	if (rc)
		return rc;
	int faults = store_check(r->store, r->copy.how->log_head, found, NULL);
	if (faults == 0)
		db_each(db_reader(r->store->db), DB_SEGMENT_GET,
		    DB_ARGS(DB_INT(r->copy.segments)), say_last, r);
	if (faults > 0)
		report(LOG_ERR,
		    "%s: the store that it would make is not sound, and is not made",
		    r->copy.from);
	return faults > 0 ? -EBADMSG : faults;
}

int store_restore(
    const struct store_options *options, const struct store_restore *how)
{
	struct restore r = {.copy = {.how = how, .from = how->from}};
	char draft[PATH_MAX];
	int rc = store_new(options, &r.store);

	if (rc)
		return rc;
	char *from = realpath(how->from, NULL);
	r.copy.from = from ? from : how->from;
	r.copy.store = r.store;
	rc = store_lock(r.store, options);
	if (!rc) {
		rc = store_draft(r.store, options->path, ".restoring", draft);
		if (!rc)
			rc = fill(&r, options);
		rc = store_draft_done(r.store, draft, options->path, rc);
	}
	store_close(r.store);
	for (int i = 0; i < STORE_KINDS; i++)
		bytes_free(&r.seen[i]);
	bytes_free(&r.missing);
	bytes_free(&r.store_json);
	free(from);
	return rc;
}
