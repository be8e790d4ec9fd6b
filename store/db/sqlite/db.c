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
		db->files[i] = db_file_at(db->path, i);
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
