/* SPDX-License-Identifier: Apache-2.0 */
/* Includes the source: fuzzes static functions, with authenticated content. */
#include "store/backup/restore.c"

/* Restores from lines of a file's name, or `trail`, a space and the object. The
 * result rolls the job back. */
static int take_lines(struct db_conn *conn, struct db_batch *batch, void *text)
{
	struct store_restore how = {.skip_missing = true};
	struct restore r = {.copy = {.how = &how, .from = "copy"},
	    .conn = conn,
	    .now = batch->now};
	int64_t seq = 0;

	journal_pause(conn, true);
	int rc = db_bulk(conn);
	if (!rc)
		rc = db_change(
		    conn, DB_RESTORE_BEGIN, DB_ARGS(DB_BLOB("\1", 1)));
	if (rc)
		abort();
	for (char *line, *name; (line = strsep(text, "\n"));) {
		if (!(name = strsep(&line, " ")) || !line || strlen(line) < 2)
			continue;
		if (strcmp(name, "trail") == 0)
			take_record(++seq, line, line + 1, strlen(line) - 2, &r);
		else
			take_file(name, line, &r);
	}
	conclude(&r);
	for (int i = 0; i < STORE_KINDS; i++)
		bytes_free(&r.seen[i]);
	bytes_free(&r.missing);
	return -ECANCELED;
}

static const struct db_job take = {.record = take_lines};
