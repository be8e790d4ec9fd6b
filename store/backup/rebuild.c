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

/* Creates a store from a copy of export/, under another name; it is renamed
 * once store_check finds no fault. */

/* --- store.json --- */

/* Tries the master key on the copy's seal_check. It cannot check the MAC
 * before: with a wrong key the MAC is wrong, too. */
static int check_key(struct restore *r)
{
	CLEANUP_BYTES struct bytes check = {0}, plain = {0};
	const char *hex = json_string_value(
	    json_object_get(r->store_object, "seal_check"));
	const char *domain = json_string_value(
	    json_object_get(r->store_object, "domain"));
	size_t n = hex ? strlen(hex) / 2 : 0;

	if (!domain || !n)
		return -EKEYREJECTED;
	if (bytes_extend(&check, n))
		return -ENOMEM;
	snprintf(r->store->domain, sizeof(r->store->domain), "%s", domain);
	if (hex_bytes(hex, strlen(hex), check.data, n))
		return -EKEYREJECTED;
	int rc = pki_unseal(r->store->sealer, "check", 0, check.data, n, &plain);
	return rc == -EBADMSG ? -EKEYREJECTED : rc;
}

/* Reads store.json and the store's id, which is not authenticated yet. */
static int identify(struct restore *r)
{
	int rc = copy_read(&r->copy, "store.json", &r->store_json);

	if (rc)
		return rc;
	const char *what = export_store_id(
	    (char *)r->store_json.data, r->store->id, sizeof(r->store->id));
	if (what)
		return copy_wrong(&r->copy, "store.json", what);
	r->store_object = json_loads(
	    (char *)r->store_json.data, JSON_REJECT_DUPLICATES, NULL);
	return r->store_object
		   ? 0
		   : copy_wrong(&r->copy, "store.json", "is damaged");
}

static int read_mark(struct restore *r)
{
	const char *hash = json_string_value(
	    json_object_get(r->store_object, "log_head"));

	r->mark.records = json_integer_value(
	    json_object_get(r->store_object, "records"));
	snprintf(r->mark.hash, sizeof(r->mark.hash), "%s", hash ? hash : "");
	bool right = anchor_parse(
	    json_object_get(r->store_object, "anchor"), &r->anchor);
	r->copy.first = r->anchor.records / EXPORT_SEGMENT + 1;
	return right ? 0
		     : copy_wrong(&r->copy, "store.json",
			   "is of a kind that this version does not know");
}

static int confirm(struct restore *r, const struct store_options *options)
{
	int rc = check_key(r);

	if (rc == -EKEYREJECTED) {
		report(LOG_ERR,
		    "%s/store.json was made with another master key, or is damaged",
		    r->copy.from);
		return rc;
	}
	if (!rc)
		rc = copy_check(&r->copy, "store.json", &r->store_json);
	if (!rc)
		rc = read_mark(r);
	if (!rc && options->domain &&
	    strcmp(options->domain, r->store->domain) != 0) {
		report(LOG_ERR,
		    "%s: its domain is %s and cannot be changed to %s",
		    r->copy.from, r->store->domain, options->domain);
		rc = -EINVAL;
	}
	return rc;
}

/* Logs the end of the copy: one that ends early is sound, only older. */
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

/* Copies that are never purged keep the segments of before a trim. */
static int check_segments(struct restore *r)
{
	char path[STORE_PATH];

	if (r->copy.earlier)
		report(LOG_NOTICE,
		    "%s/trail: %" PRId64
		    " files are of before the store was trimmed, and left out",
		    r->copy.from, r->copy.earlier);
	export_segment_path(r->copy.first, path);
	return r->copy.segments ? 0 : copy_wrong(&r->copy, path, "is missing");
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
	if (!rc)
		rc = check_segments(r);
	if (!rc)
		rc = db_submit(r->store->db, &restore_job, r);
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
	json_decref(r.store_object);
	bytes_free(&r.store_json);
	free(from);
	return rc;
}
