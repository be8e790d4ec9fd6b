/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/internal.h"

/* What SQLite calls `disk I/O error`, and what there is to do. */
static const char *explain(int extended)
{
	switch (extended & 0xff) {
	case SQLITE_CORRUPT:
		return "it is damaged: unmount it and run fsck.enrollfs, or restore it from a copy of export/";
	case SQLITE_CANTOPEN:
		return "the file, its -wal or its -shm cannot be opened or made";
	case SQLITE_IOERR:
		break;
	default:
		return "";
	}
	switch (extended) {
	case SQLITE_IOERR_READ:
	case SQLITE_IOERR_FSTAT:
		return "the disk cannot be read: see the kernel's messages";
	case SQLITE_IOERR_SHORT_READ:
		return "the file is shorter than it was";
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMMAP:
		return "the index of the write-ahead log (-shm) cannot be made";
	default:
		return "the disk cannot be written: see the kernel's messages";
	}
}

static int say_locked(const char *doing)
{
	report(LOG_ERR,
	    "store: %s: another program holds a lock on it: sqlite3, or a backup? fuser names it; what it does not end is refused",
	    doing);
	return -EBUSY;
}

bool db_is_full(sqlite3 *sqlite, int code)
{
	int error = sqlite ? sqlite3_system_errno(sqlite) : 0;

	return (code & 0xff) == SQLITE_FULL ||
	       ((code & 0xff) == SQLITE_IOERR &&
		   (error == ENOSPC || error == EDQUOT));
}

static int say_full(const char *doing)
{
	report(LOG_ERR, "store: %s: disk full: free some space for it", doing);
	return -ENOSPC;
}

/* What has no code of its own above. */
static int say_failed(sqlite3 *sqlite, int code, int extended, const char *doing)
{
	int error = sqlite ? sqlite3_system_errno(sqlite) : 0;
	const char *words = explain(extended);

	if (db_is_full(sqlite, code))
		return say_full(doing);
	report(LOG_ERR, "store: %s: %s (%d)%s%s%s%s", doing,
	    sqlite ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code), extended,
	    *words ? ": " : "", words, error ? ": " : "",
	    error ? strerror(error) : "");
	return -EIO;
}

int db_error(sqlite3 *sqlite, int code, const char *doing)
{
	int extended = sqlite ? sqlite3_extended_errcode(sqlite) : code;

	/* a file's method that got no memory */
	if (extended == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		if (extended == SQLITE_CONSTRAINT_UNIQUE)
			return -EEXIST;
		break;
	case SQLITE_NOTADB:
		report(LOG_ERR, "store: this is not a database");
		return -EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return say_locked(doing);
	case SQLITE_READONLY:
		report(LOG_ERR, "store: %s: the file is read-only", doing);
		return -EROFS;
	default:
		break;
	}
	return say_failed(sqlite, code, extended, doing);
}

int db_exec(struct db_conn *conn, const char *sql)
{
	int code = sqlite3_exec(conn->sqlite, sql, NULL, NULL, NULL);

	return db_error(conn->sqlite, code, "set-up");
}

int db_pragma_int(struct db_conn *conn, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(conn->sqlite, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return db_error(conn->sqlite, code, "set-up");
}

/* The reverse of SQLite's hex(), which has got one only since 3.41. What is not
 * hex is NULL. */
static void from_hex(sqlite3_context *context, int count, sqlite3_value **value)
{
	(void)count;
	const char *text = (const char *)sqlite3_value_text(value[0]);
	size_t len = (size_t)sqlite3_value_bytes(value[0]);
	unsigned char *out = text ? sqlite3_malloc64(len / 2 + 1) : NULL;

	if (!text)
		sqlite3_result_null(context);
	else if (!out)
		sqlite3_result_error_nomem(context);
	else if (hex_bytes(text, len, out, len / 2))
		sqlite3_free(out);
	else
		sqlite3_result_blob64(context, out, len / 2, sqlite3_free);
}

int db_connect(
    const char *path, int flags, enum db_vfs vfs, struct db_conn **out)
{
	/* The schema is trusted since its triggers write JSON, which SQLite
	 * before 3.41 would not let them do else. There is no function that
	 * could do any harm. */
	static const char per_connection[] = "PRAGMA foreign_keys = ON;"
					     "PRAGMA synchronous = FULL;"
					     "PRAGMA secure_delete = ON;"
					     "PRAGMA trusted_schema = ON;"
					     "PRAGMA temp_store = MEMORY;"
					     "PRAGMA cache_size = -1024;";
	struct db_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	int code = sqlite3_open_v2(
	    path, &conn->sqlite, flags | SQLITE_OPEN_NOMUTEX, db_vfs_name(vfs));
	int rc = db_error(conn->sqlite, code, "open");
	if (!rc) {
		sqlite3_extended_result_codes(conn->sqlite, 1);
		sqlite3_busy_timeout(conn->sqlite, DB_BUSY_MS);
		sqlite3_db_config(
		    conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		/* the write-ahead log goes when end_writing says so */
		sqlite3_db_config(
		    conn->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		rc = db_exec(conn, per_connection);
	}
	if (!rc) {
		code = sqlite3_create_function(conn->sqlite, "from_hex", 1,
		    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
		    NULL, from_hex, NULL, NULL);
		rc = db_error(conn->sqlite, code, "open");
	}
	if (rc) {
		db_disconnect(conn);
		return rc;
	}
	*out = conn;
	return 0;
}

void db_disconnect(struct db_conn *conn)
{
	if (!conn)
		return;
	for (int i = 0; i < DB_QUERIES; i++)
		sqlite3_finalize(conn->statement[i]);
	sqlite3_close(conn->sqlite);
	free(conn);
}

/* A thread that ends takes its connection with it. */
static void reader_ended(void *arg)
{
	struct db_conn *conn = arg;
	struct db *db = conn->db;

	pthread_mutex_lock(&db->readers_lock);
	for (struct db_conn **at = &db->readers; *at; at = &(*at)->next)
		if (*at == conn) {
			*at = conn->next;
			break;
		}
	pthread_mutex_unlock(&db->readers_lock);
	db_disconnect(conn);
}

/* What stands for a connection that could not be made. */
static struct db_conn *no_reader(struct db *db)
{
	static _Thread_local struct db_conn none = {.none = true};

	none.db = db;
	return &none;
}

/* Reads something, so that the write-ahead log is open too. */
static int open_spare(struct db *db)
{
	int64_t version;
	int rc = db_connect(db->path, SQLITE_OPEN_READONLY, db->vfs, &db->spare);

	return rc ? rc
		  : db_pragma_int(db->spare, "PRAGMA schema_version", &version);
}

struct db_conn *db_reader(struct db *db)
{
	struct db_conn *conn = pthread_getspecific(db->reader);

	if (conn)
		return conn;
	if (clock_ticks() < __atomic_load_n(&db->retry, __ATOMIC_RELAXED))
		return no_reader(db);
	if (db_gone(db) ||
	    db_connect(db->path, SQLITE_OPEN_READONLY, db->vfs, &conn)) {
		__atomic_store_n(
		    &db->retry, clock_ticks() + CLOCK_SECOND, __ATOMIC_RELAXED);
		return no_reader(db);
	}
	if (pthread_setspecific(db->reader, conn)) {
		db_disconnect(conn);
		return no_reader(db);
	}
	conn->db = db;
	pthread_mutex_lock(&db->readers_lock);
	conn->next = db->readers;
	db->readers = conn;
	pthread_mutex_unlock(&db->readers_lock);
	return conn;
}

static struct db_file file_at(const char *path, int i)
{
	static const char *const suffix[DB_FILES] = {"", "-wal", "-shm"};
	char name[PATH_MAX];
	struct stat st = {0};

	snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
	if (stat(name, &st))
		return (struct db_file){0};
	return (struct db_file){st.st_dev, st.st_ino};
}

const char *db_gone(const struct db *db)
{
	for (int i = 0; i < DB_FILES; i++) {
		struct db_file now = file_at(db->path, i);
		if (db->files[i].inode && (now.inode != db->files[i].inode ||
					      now.device != db->files[i].device))
			return i ? "its write-ahead log" : "the file";
	}
	return NULL;
}

/* A file that is there and empty is no new one: what was in it is lost, or
 * elsewhere. */
static int find_file(struct db *db, bool create)
{
	struct stat st;

	if (stat(db->path, &st) == 0 && st.st_size == 0) {
		report(LOG_ERR,
		    "store %s: is empty. Put its copy there, with its %s-wal if there is one; if nothing was ever in it, remove it",
		    db->path, db->path);
		return -EINVAL;
	}
	int fd = create ? open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			      0600)
			: -1;
	db->made = fd >= 0;
	if (fd >= 0)
		close(fd);
	if (db->made || stat(db->path, &st) == 0)
		return 0;
	int rc = -errno;
	report(LOG_ERR, "store %s: %s", db->path, strerror(-rc));
	return rc;
}

static int connect_writer(struct db *db)
{
	int flags = db->read_only ? SQLITE_OPEN_READONLY
				  : SQLITE_OPEN_READWRITE;

	if (db->read_only)
		db->vfs = DB_VFS_READ;
	else
		db->vfs = db_vfs_maps_safely(db->path) ? DB_VFS_SHARED
						       : DB_VFS_ALONE;
	return db_connect(db->path, flags, db->vfs, &db->writer);
}

static int open_files(struct db *db)
{
	/* The file and its log and index get the mode that this leaves; they
	 * hold secrets. */
	mode_t mask = umask(077);
	int rc = connect_writer(db);

	if (!rc) {
		db->writer->db = db;
		rc = db_schema(db->writer, db);
	}
	if (!rc && !db->read_only)
		rc = db_mark_open(db);
	umask(mask);
	return rc;
}

static int set_up(struct db *db, int flags)
{
	int rc = find_file(db, flags & DB_CREATE);

	if (!rc && !db->made)
		rc = db_mark_check(db, flags);
	else
		memcpy(db->base, "-", 2);
	if (!rc)
		rc = open_files(db);
	for (int i = 0; i < DB_FILES && !rc; i++)
		db->files[i] = file_at(db->path, i);
	if (!rc)
		rc = open_spare(db);
	if (!rc && pthread_key_create(&db->reader, reader_ended))
		rc = -ENOMEM;
	db->have_reader_key = !rc;
	if (!rc && !db->read_only)
		rc = db_writer_start(db);
	return rc;
}

size_t db_path_max(void)
{
	const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	return vfs ? (size_t)vfs->mxPathname - strlen("-journal") : 0;
}

/* Not all of it is needed at once: enough for a start and for what it has to
 * copy. */
static void say_how_much(const struct db *db)
{
	enum { START = 1 << 20, MIB = 1 << 20 };
	char name[PATH_MAX];
	struct statfs fs;
	struct stat log;

	snprintf(name, sizeof(name), "%s-wal", db->path);
	int64_t need = START + (stat(name, &log) ? 0 : (int64_t)log.st_size);
	int64_t have = statfs(db->path, &fs)
			   ? 0
			   : (int64_t)fs.f_bavail * fs.f_bsize;
	report(LOG_ERR,
	    "store %s: its disk is full (%" PRId64
	    " KiB are free): free %" PRId64
	    " MiB, or mount it with -o ro, which needs none",
	    db->path, have / 1024, (need + MIB - 1) / MIB);
}

int db_open(const char *path, int flags, struct db **out)
{
	struct db *db = calloc(1, sizeof(*db));
	pthread_condattr_t monotonic;
	pthread_mutexattr_t recursive;

	if (!db)
		return -ENOMEM;
	/* Counting its memory would make all threads wait for one lock. Too
	 * late once it is in use, which does no harm. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	db->last = &db->first;
	db->read_only = flags & DB_READ_ONLY;
	pthread_mutex_init(&db->readers_lock, NULL);
	pthread_mutex_init(&db->queue_lock, NULL);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&db->spare_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&db->queued, &monotonic);
	pthread_cond_init(&db->room, &monotonic);
	pthread_condattr_destroy(&monotonic);
	db->path = strdup(path);
	int rc = db->path ? set_up(db, flags) : -ENOMEM;
	if (rc == -ENOSPC && !db->read_only)
		say_how_much(db);
	if (rc)
		db_close(db);
	else
		*out = db;
	return rc;
}

/*
 * A main file that says `open` must keep its log: SQLite would copy and remove
 * that when the last connection is closed.
 */
static void end_writing(struct db *db)
{
	if (!db->marked)
		return;
	if (!db_mark_closed(db))
		sqlite3_db_config(db->writer->sqlite,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	else
		report(LOG_ERR,
		    "store %s: could not be closed cleanly: nothing is lost as long as %s-wal stays beside it; the next mount tries again",
		    db->path, db->path);
}

void db_close(struct db *db)
{
	if (!db)
		return;
	if (db->running)
		db_writer_stop(db);
	if (db->have_reader_key)
		pthread_key_delete(db->reader);
	while (db->readers) {
		struct db_conn *next = db->readers->next;
		db_disconnect(db->readers);
		db->readers = next;
	}
	db_disconnect(db->spare);
	end_writing(db);
	db_disconnect(db->writer);
	pthread_cond_destroy(&db->queued);
	pthread_cond_destroy(&db->room);
	pthread_mutex_destroy(&db->queue_lock);
	pthread_mutex_destroy(&db->readers_lock);
	pthread_mutex_destroy(&db->spare_lock);
	free(db->incomplete);
	free(db->path);
	free(db);
}
