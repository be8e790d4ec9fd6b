/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/sqlite/sqlite.h"

/* A thread that ends takes its connection with it. */
static void reader_ended(void *arg)
{
	struct sqlite_conn *conn = arg;
	struct sqlite_db *db = conn->base.db->handle;

	pthread_mutex_lock(&db->readers_lock);
	for (struct sqlite_conn **at = &db->readers; *at; at = &(*at)->next)
		if (*at == conn) {
			*at = conn->next;
			break;
		}
	pthread_mutex_unlock(&db->readers_lock);
	sqlite_disconnect(conn);
}

/* What stands for a connection that could not be made. */
static struct sqlite_conn *no_reader(struct sqlite_db *db)
{
	static _Thread_local struct sqlite_conn none = {.none = true};

	none.base.db = db->db;
	return &none;
}

/* Reads something, so that the write-ahead log is open too. */
static int open_spare(struct sqlite_db *db)
{
	int64_t version;
	int rc = sqlite_connect(
	    db->name, SQLITE_OPEN_READONLY, db->vfs, &db->spare);

	if (rc)
		return rc;
	db->spare->base.db = db->db;
	return sqlite_int(db->spare, "PRAGMA schema_version", &version);
}

/* There may be one for each thread, and each commit empties its cache: small,
 * since the kernel has the pages too. */
static int connect_reader(struct sqlite_db *db, struct sqlite_conn **out)
{
	int rc = sqlite_connect(db->name, SQLITE_OPEN_READONLY, db->vfs, out);

	if (rc)
		return rc;
	rc = sqlite_exec(*out, "PRAGMA cache_size = -256");
	if (rc)
		sqlite_disconnect(*out);
	return rc;
}

static struct sqlite_conn *reader(struct sqlite_db *db)
{
	struct sqlite_conn *conn = pthread_getspecific(db->reader);

	if (conn)
		return conn;
	if (clock_ticks() < __atomic_load_n(&db->retry, __ATOMIC_RELAXED))
		return no_reader(db);
	if (sqlite_gone(db) || connect_reader(db, &conn)) {
		__atomic_store_n(
		    &db->retry, clock_ticks() + CLOCK_SECOND, __ATOMIC_RELAXED);
		return no_reader(db);
	}
	if (pthread_setspecific(db->reader, conn)) {
		sqlite_disconnect(conn);
		return no_reader(db);
	}
	conn->base.db = db->db;
	pthread_mutex_lock(&db->readers_lock);
	conn->next = db->readers;
	db->readers = conn;
	pthread_mutex_unlock(&db->readers_lock);
	return conn;
}

/* A file that is there and empty is no new one: what was in it is lost, or
 * elsewhere. */
static int find_file(struct sqlite_db *db, bool create)
{
	struct stat st;

	if (sqlite_stat(db->dir, db->path, "", &st) == 0 && st.st_size == 0) {
		report(LOG_ERR,
		    "store %s: is empty. Put its copy there, with its %s-wal if there is one; if nothing was ever in it, remove it",
		    db->path, db->path);
		return -EINVAL;
	}
	db->made = create && sqlite_make(db->dir, db->path);
	if (db->made || sqlite_stat(db->dir, db->path, "", &st) == 0)
		return 0;
	int rc = -errno;
	report(LOG_ERR, "store %s: %s", db->path, strerror(-rc));
	return rc;
}

static int connect_writer(struct sqlite_db *db)
{
	int flags = db->read_only ? SQLITE_OPEN_READONLY
				  : SQLITE_OPEN_READWRITE;

	if (db->read_only)
		db->vfs = DB_VFS_READ;
	else
		db->vfs = db_vfs_maps_safely(db->name) ? DB_VFS_SHARED
						       : DB_VFS_ALONE;
	return sqlite_connect(db->name, flags, db->vfs, &db->writer);
}

static int open_files(struct sqlite_db *db)
{
	/* The file and its log and index get the mode that this leaves; they
	 * hold secrets. */
	mode_t mask = umask(077);
	int rc = connect_writer(db);

	if (!rc) {
		db->writer->base.db = db->db;
		rc = sqlite_migrate(db->writer, db);
	}
	if (!rc && !db->read_only)
		rc = sqlite_mark_open(db);
	umask(mask);
	return rc;
}

static int set_up(struct sqlite_db *db, int flags)
{
	int rc = find_file(db, flags & DB_CREATE);

	if (!rc && !db->made)
		rc = sqlite_mark_check(db, flags);
	else
		memcpy(db->base, "-", 2);
	if (!rc)
		rc = open_files(db);
	if (!rc) {
		sqlite_remember(db);
		sqlite_watch(db);
		rc = open_spare(db);
	}
	if (!rc && pthread_key_create(&db->reader, reader_ended))
		rc = -ENOMEM;
	db->have_reader_key = !rc;
	return rc;
}

static size_t path_max(void)
{
	const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	return vfs ? (size_t)vfs->mxPathname - strlen("-journal") : 0;
}

/* Not all of it is needed at once: enough for a start and for what it has to
 * copy. */
static void say_how_much(const struct sqlite_db *db)
{
	enum { START = 1 << 20, MIB = 1 << 20 };
	struct statfs fs;
	struct stat log;

	int64_t need = START;
	if (!sqlite_stat(db->dir, db->path, "-wal", &log))
		need += log.st_size;
	int64_t have = statfs(db->name, &fs)
			   ? 0
			   : (int64_t)fs.f_bavail * fs.f_bsize;
	report(LOG_ERR,
	    "store %s: its disk is full (%" PRId64
	    " KiB are free): free %" PRId64
	    " MiB, or mount it with -o ro, which needs none",
	    db->path, have / 1024, (need + MIB - 1) / MIB);
}

static struct sqlite_db *new_handle(struct db *common)
{
	struct sqlite_db *db = calloc(1, sizeof(*db));
	pthread_mutexattr_t recursive;

	if (!db)
		return NULL;
	db->db = common;
	db->dir = db->watch.events = db->watch.mounts = -1;
	db->read_only = common->read_only;
	pthread_mutex_init(&db->readers_lock, NULL);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&db->spare_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	return db;
}

static int locate(struct sqlite_db *db, int dir, const char *path)
{
	db->dir = dir == AT_FDCWD ? dir : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (db->dir == -1) {
		int rc = -errno;
		report(LOG_ERR, "store %s: %s", path, strerror(-rc));
		return rc;
	}
	db->path = strdup(path);
	db->name = sqlite_name(db->dir, path);
	return db->path && db->name ? 0 : -ENOMEM;
}

static int open_engine(struct db *common, int dir, const char *path, int flags)
{
	struct sqlite_db *db = new_handle(common);

	common->handle = db;
	if (!db)
		return -ENOMEM;
	/* Counting its memory would make all threads wait for one lock. Too
	 * late once it is in use, which does no harm. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	int rc = locate(db, dir, path);
	if (!rc)
		rc = set_up(db, flags);
	if (rc == -ENOSPC && !db->read_only)
		say_how_much(db);
	if (!rc) {
		common->writer = &db->writer->base;
		sqlite_wal_begin(db);
	}
	return rc;
}

/*
 * A main file that says `open` must keep its log: SQLite would copy and remove
 * that when the last connection is closed.
 */
static void end_writing(struct sqlite_db *db)
{
	if (!db->marked)
		return;
	if (!sqlite_mark_closed(db))
		sqlite3_db_config(db->writer->sqlite,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	else
		report(LOG_ERR,
		    "store %s: could not be closed cleanly: nothing is lost as long as %s-wal stays beside it; the next mount tries again",
		    db->path, db->path);
}

/* Nothing is lost if it fails. The copy may be large: it is a file. */
static void shrink(struct sqlite_db *db)
{
	if (db->marked &&
	    sqlite_exec(db->writer, "PRAGMA temp_store = FILE; VACUUM"))
		report(LOG_WARNING,
		    "store %s: is as large as it was: the space is used for what comes next",
		    db->path);
}

static void close_engine(struct db *common)
{
	struct sqlite_db *db = common->handle;

	if (!db)
		return;
	if (db->have_reader_key)
		pthread_key_delete(db->reader);
	while (db->readers) {
		struct sqlite_conn *next = db->readers->next;
		sqlite_disconnect(db->readers);
		db->readers = next;
	}
	sqlite_disconnect(db->spare);
	if (common->shrink)
		shrink(db);
	end_writing(db);
	sqlite_disconnect(db->writer);
	pthread_mutex_destroy(&db->readers_lock);
	pthread_mutex_destroy(&db->spare_lock);
	sqlite_unwatch(db);
	if (db->dir >= 0)
		close(db->dir);
	free(db->path);
	free(db->name);
	free(db);
}

/* --- reading --- */

static struct db_conn *reader_of(struct db *db)
{
	return &reader(db->handle)->base;
}

/* The snapshot is that of the first query. Without one each query has its
 * own. */
static void view(struct db_conn *conn)
{
	struct sqlite_conn *reader = (struct sqlite_conn *)conn;

	reader->in_view = !reader->none &&
			  !sqlite_control(reader, CONTROL_VIEW);
}

static void view_end(struct db_conn *conn)
{
	struct sqlite_conn *reader = (struct sqlite_conn *)conn;

	/* without memory SQLite has ended it by itself */
	if (reader->in_view && !sqlite3_get_autocommit(reader->sqlite))
		sqlite_control(reader, CONTROL_ROLLBACK);
	reader->in_view = false;
}

static int rows(struct db_conn *conn, enum db_query query,
    const struct db_value *args, db_row_fn fn, void *arg)
{
	return sqlite_rows((struct sqlite_conn *)conn, query, args, fn, arg);
}

/* --- writing --- */

static struct sqlite_conn *writer(const struct db *db)
{
	return ((struct sqlite_db *)db->handle)->writer;
}

static int say_gone(struct sqlite_db *db, const char *gone)
{
	report(LOG_ERR,
	    "store %s: %s is gone or another: nothing is changed until it is back or this is mounted again",
	    db->path, gone);
	/* If the log is what is gone, the store itself has everything from here
	 * on, and says so. */
	if (db->marked)
		sqlite_mark_closed(db);
	return -EIO;
}

static int in_place(struct sqlite_db *db)
{
	const char *gone = sqlite_gone_now(db);

	if (gone)
		return say_gone(db, gone);
	return db->marked ? 0 : sqlite_mark_open(db);
}

static int begin(struct db *db, struct db_batch *batch)
{
	struct sqlite_db *s = db->handle;
	int rc = in_place(s);

	s->wal.marked = false;

	if (!rc)
		rc = sqlite_control(writer(db), CONTROL_BEGIN);
	batch->now = clock_now();
	return rc ? rc : sqlite_next_ids(writer(db), batch);
}

/*
 * A log that begins anew has the mark in its first transaction:
 * beside the main file of another store or time it is known by that (mark.c).
 */
static int mark_log(struct sqlite_db *db)
{
	if (!db->wal.anew || db->wal.marked)
		return 0;
	int rc = sqlite_mark_again(db);
	db->wal.marked = !rc;
	return rc;
}

static int run(struct db *db, enum db_query query, const struct db_value *args)
{
	int rc = mark_log(db->handle);

	return rc ? rc : sqlite_run(writer(db), query, args);
}

/* Full disks and I/O errors may make SQLite roll back by itself. */
static bool running(const struct db *db)
{
	return !sqlite3_get_autocommit(writer(db)->sqlite);
}

static int stop_at_first(const struct db_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 1;
}

/*
 * The first to read behind a commit notes in the index of the write-ahead log
 * how far that goes. If that were a reader, a disk that has been frozen
 * meanwhile would keep it: the index is a mapped file whose page has to be
 * written. Looks at the files again: the commit may have gone into some that
 * were removed meanwhile.
 */
static int commit(struct db *db)
{
	struct sqlite_wal *wal = &((struct sqlite_db *)db->handle)->wal;
	int rc = sqlite_control(writer(db), CONTROL_COMMIT);

	if (rc)
		return rc;
	if (wal->marked)
		wal->anew = false;
	sqlite_rows(writer(db), DB_SETTING_GET, DB_ARGS(DB_TEXT("mounted")),
	    stop_at_first, NULL);
	return in_place(db->handle);
}

static void rollback(struct db *db)
{
	if (running(db))
		sqlite_control(writer(db), CONTROL_ROLLBACK);
}

static int bulk(struct db *db)
{
	return sqlite_exec(writer(db),
	    "PRAGMA defer_foreign_keys = ON; PRAGMA cache_size = -262144");
}

static int exec(struct db *db, const char *sql)
{
	return sqlite_exec(writer(db), sql);
}

const struct db_engine db_sqlite = {
    .files = sqlite_files,
    .path_max = path_max,
    .directory = sqlite_directory,
    .is_missing = sqlite_is_missing,
    .has_lost_its_file = sqlite_has_lost_its_file,
    .check_missing = sqlite_check_missing,
    .remove = sqlite_remove,
    .publish = sqlite_publish,
    .replace = sqlite_replace,
    .lock = sqlite_lock,
    .hold = sqlite_hold,
    .each_size = sqlite_each_size,
    .open = open_engine,
    .close = close_engine,
    .copy = sqlite_copy,
    .reader = reader_of,
    .view = view,
    .view_end = view_end,
    .rows = rows,
    .integer = sqlite_integer,
    .null = sqlite_null,
    .blob = sqlite_blob,
    .columns = sqlite_columns,
    .value = sqlite_value,
    .begin = begin,
    .run = run,
    .running = running,
    .commit = commit,
    .rollback = rollback,
    .settle = sqlite_settle,
    .scrub = sqlite_scrub,
    .tidy = sqlite_tidy,
    .pause = sqlite_pause,
    .hurries = sqlite_hurries,
    .bulk = bulk,
    .exec = exec,
    .check = sqlite_check,
};
