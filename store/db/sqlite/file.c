/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/base/path.h"
#include "store/base/report.h"
#include "store/db/sqlite/sqlite.h"

/* The files of a database: the file itself, its write-ahead log, the index of
 * that, and the lock file. */

const char *const db_files[] = {"", "-wal", "-shm", ".lock", NULL};

bool db_is_missing(const char *path)
{
	struct stat st;

	return lstat(path, &st) && errno == ENOENT;
}

bool db_has_lost_its_file(const char *path)
{
	char log[PATH_MAX];
	struct stat st;

	snprintf(log, sizeof(log), "%s-wal", path);
	return db_is_missing(path) && stat(log, &st) == 0 && st.st_size > 0;
}

int db_check_missing(const char *path)
{
	if (!db_has_lost_its_file(path))
		return 0;
	report(LOG_ERR,
	    "store %s: is missing, but its write-ahead log %s-wal is there: put its file back; nothing is made beside it",
	    path, path);
	return -EEXIST;
}

static int64_t size_of(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) ? 0 : st.st_size;
}

int db_each_size(const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg)
{
	int rc = fn("store", size_of(path, ""), arg);

	return rc ? rc : fn("wal", size_of(path, "-wal"), arg);
}

int db_remove(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char name[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		if (unlink(name) && errno != ENOENT)
			rc = -errno;
	}
	return rc;
}

int db_publish(const char *draft, const char *path)
{
	static const char *const suffix[] = {"-wal", "-shm", "-journal"};
	char name[PATH_MAX + 16];

	/* closing has written everything into the one file, or else has not
	 * succeeded */
	snprintf(name, sizeof(name), "%s-wal", draft);
	if (access(name, F_OK) == 0) {
		report(LOG_ERR, "store %s: could not be written", path);
		return -EIO;
	}
	/* what one that is lost has left would be taken for ours */
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		if (unlink(name) && errno != ENOENT) {
			report(LOG_ERR, "%s: %s", name, strerror(errno));
			return -EIO;
		}
	}
	int rc = renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE);
	if (rc &&
	    errno ==
		EINVAL) /* a filesystem that cannot say so; we have looked */
		rc = rename(draft, path);
	if (rc) {
		rc = -errno;
		report(LOG_ERR, "store %s: %s", path, strerror(-rc));
		return rc;
	}
	return path_sync(path);
}

/*
 * A daemon that has just been unmounted may still be closing its store: what
 * starts the next one right behind it should not have to know.
 */
static int wait_for_lock(int fd)
{
	static const struct timespec pause = {.tv_nsec = 50000000};

	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (tries == 40)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

/* One daemon a store. The file stays: removing it would let two hold two of
 * them. */
int db_lock(const char *path, bool read_only, bool must_be_new, int *fd)
{
	char name[PATH_MAX];
	struct stat st;

	bool there = stat(path, &st) == 0;
	if (!there && read_only) {
		report(LOG_ERR, "store %s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (there && !S_ISREG(st.st_mode)) {
		report(LOG_ERR, "store %s: not a regular file", path);
		return -EINVAL;
	}
	if (there && st.st_nlink > 1) {
		report(LOG_ERR,
		    "store %s: has another hard link, and two daemons might not see each other",
		    path);
		return -EINVAL;
	}

	snprintf(name, sizeof(name), "%s.lock", path);
	*fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* who only reads goes without, on a disk that takes no file: `hold`
	 * locks the store */
	if (*fd < 0 && read_only && (errno == EROFS || is_full(errno)))
		return 0;
	if (*fd < 0) {
		int rc = -errno;
		report(LOG_ERR, "%s: %s%s", name, strerror(-rc),
		    is_full(-rc) ? ": free some space, or mount it with -o ro"
				 : "");
		return rc;
	}
	int rc = wait_for_lock(*fd);
	if (rc)
		report(LOG_ERR, "store %s: %s", path,
		    rc == -EBUSY ? "another enrollfs has it mounted"
				 : strerror(-rc));
	if (!rc && must_be_new && lstat(path, &st) == 0) {
		report(LOG_ERR,
		    "%s: %s: nothing is overwritten; fsck.enrollfs says what it is",
		    path, strerror(EEXIST));
		rc = -EEXIST;
	}
	return rc;
}

/*
 * The lock file could be removed under us, the store cannot without its being
 * noticed. Open until the connections are closed: closing any descriptor of it
 * ends SQLite's own locks.
 */
int db_hold(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = *fd < 0 ? -errno : wait_for_lock(*fd);

	if (rc)
		report(LOG_ERR, "store %s: %s", path,
		    rc == -EBUSY ? "another enrollfs has it mounted"
				 : strerror(-rc));
	return rc;
}

struct sqlite_file sqlite_file_at(const char *path, int i)
{
	static const char *const suffix[SQLITE_FILES] = {"", "-wal", "-shm"};
	char name[PATH_MAX];
	struct stat st = {0};

	snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
	if (stat(name, &st))
		return (struct sqlite_file){0};
	return (struct sqlite_file){st.st_dev, st.st_ino};
}

const char *sqlite_gone(const struct sqlite_db *db)
{
	for (int i = 0; i < SQLITE_FILES; i++) {
		struct sqlite_file now = sqlite_file_at(db->path, i);
		if (db->files[i].inode && (now.inode != db->files[i].inode ||
					      now.device != db->files[i].device))
			return i ? "its write-ahead log" : "the file";
	}
	return NULL;
}
