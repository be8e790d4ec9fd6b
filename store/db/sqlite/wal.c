/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/clock.h"
#include "store/db/sqlite/sqlite.h"

/*
 * Checkpoints. The write-ahead log still has overwritten pages, so it is
 * truncated after a secret was destroyed; and it grows as long as readers
 * overlap, so it is truncated when it is large. A reader in the way is waited
 * for, for a moment, and again a second later. It is checkpointed when it is
 * long, and when nothing has come for a while, so that the main file is rarely
 * behind; where a reader or a full disk prevents that, ever more rarely.
 */
enum {
	WAL_LONG = 1000, /* frames not checkpointed */
	WAL_LARGE = 4096,
	READER_MS = 50,
	IDLE_MS = 100,
	RARE_MS = 60000,
	RETRY_MS = 1000,
};

static int count_frames(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
	struct sqlite_wal *wal = arg;

	(void)sqlite;
	(void)name;
	wal->frames = frames;
	wal->pause = IDLE_MS;
	return SQLITE_OK;
}

void sqlite_wal_begin(struct sqlite_db *db)
{
	sqlite3_wal_hook(db->writer->sqlite, count_frames, &db->wal);
	db->wal.anew = true; /* all was copied when the mount began */
}

static bool has_to_be_truncated(const struct sqlite_wal *wal)
{
	return wal->scrub || wal->frames >= WAL_LARGE;
}

static void truncate_wal(struct sqlite_db *db)
{
	sqlite3 *sqlite = db->writer->sqlite;
	struct sqlite_wal *wal = &db->wal;

	if (clock_ticks() < wal->retry)
		return;
	sqlite3_busy_timeout(sqlite, READER_MS);
	int code = sqlite3_wal_checkpoint_v2(
	    sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(sqlite, SQLITE_BUSY_MS);
	if (code == SQLITE_OK) {
		wal->scrub = false;
		wal->frames = wal->checkpointed = 0;
		wal->anew = true;
		return;
	}
	if (code != SQLITE_BUSY)
		sqlite_error(sqlite, code, "truncating the write-ahead log");
	wal->retry = clock_ticks() + CLOCK_SECOND;
}

/* A log that has begun again from its beginning has nothing checkpointed. */
static int pending(const struct sqlite_wal *wal)
{
	return wal->frames -
	       (wal->checkpointed <= wal->frames ? wal->checkpointed : 0);
}

static void checkpoint(struct sqlite_db *db)
{
	sqlite3 *sqlite = db->writer->sqlite;
	struct sqlite_wal *wal = &db->wal;
	int frames = 0, done = 0;
	int code = sqlite3_wal_checkpoint_v2(
	    sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done);

	if (code == SQLITE_OK) {
		wal->frames = frames;
		wal->checkpointed = done;
		wal->anew = done == frames;
	} else if (code != SQLITE_BUSY && !sqlite_is_full(sqlite, code) &&
		   wal->pause == IDLE_MS) {
		sqlite_error(sqlite, code, "checkpoint");
	}
	wal->pause = wal->pause < RARE_MS / 2 ? wal->pause * 2 : RARE_MS;
}

void sqlite_settle(struct db *db)
{
	struct sqlite_db *s = db->handle;

	if (has_to_be_truncated(&s->wal))
		truncate_wal(s);
}

static bool has_to_be_checkpointed(const struct sqlite_wal *wal, int frames)
{
	return !has_to_be_truncated(wal) && pending(wal) >= frames;
}

void sqlite_tidy(struct db *db, bool idle)
{
	struct sqlite_db *s = db->handle;

	if (has_to_be_checkpointed(&s->wal, idle ? 1 : WAL_LONG))
		checkpoint(s);
}

bool sqlite_hurries(const struct db *db)
{
	const struct sqlite_db *s = db->handle;

	return has_to_be_checkpointed(&s->wal, WAL_LONG);
}

int sqlite_pause(const struct db *db)
{
	const struct sqlite_db *s = db->handle;

	if (has_to_be_truncated(&s->wal))
		return RETRY_MS;
	return pending(&s->wal) ? s->wal.pause : 0;
}

void sqlite_scrub(struct db *db)
{
	struct sqlite_db *s = db->handle;

	s->wal.scrub = true;
}
