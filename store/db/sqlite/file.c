/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/*
 * The files of a database: the main file, its write-ahead log, the index of
 * that, and the lock file. All are in one directory, which is opened once.
 *
 * SQLite takes names, no descriptors. It gets /proc/self/fd/N/NAME, which is a
 * path into the open directory: valid for stat, open, unlink and the sync of
 * the directory, and shorter than SQLite's limit for every legal NAME. The
 * alternative is xSetSystemCall on SQLite's "unix" layer. That is meant for
 * tests, may change with each release, is global to the process, and a system
 * call that it misses would look up a name that is none.
 *
 * Without /proc, SQLite and the functions below look up the path each time.
 */

#define OPENED "/proc/self/fd/%d"

const char *const sqlite_files[] = {"", "-wal", "-shm", ".lock", NULL};

static bool is_reachable(int dir)
{
	char name[64];
	struct stat want, st;

	snprintf(name, sizeof(name), OPENED, dir);
	return fstat(dir, &want) == 0 && stat(name, &st) == 0 &&
	       st.st_dev == want.st_dev && st.st_ino == want.st_ino;
}

int sqlite_directory(const char *path, int *dir)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	*dir = path_open(dirname(copy), O_PATH | O_DIRECTORY);
	if (*dir < 0) {
		int rc = -errno;
		report(LOG_ERR, "store %s: its directory cannot be opened: %s",
		    path, strerror(-rc));
		return rc;
	}
	if (!is_reachable(*dir)) {
		close(*dir);
		*dir = AT_FDCWD;
	}
	return 0;
}

/* What to look up in dir. */
static const char *last(int dir, const char *path)
{
	const char *slash = dir == AT_FDCWD ? NULL : strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *file_name(
    int dir, const char *path, const char *suffix, char name[PATH_MAX])
{
	snprintf(name, PATH_MAX, "%s%s", last(dir, path), suffix);
	return name;
}

char *sqlite_name(int dir, const char *path)
{
	char *name;

	if (dir == AT_FDCWD)
		return strdup(path);
	return asprintf(&name, OPENED "/%s", dir, last(dir, path)) < 0 ? NULL
								       : name;
}

int sqlite_stat(int dir, const char *path, const char *suffix, struct stat *st)
{
	char name[PATH_MAX];

	return fstatat(
	    dir, file_name(dir, path, suffix, name), st, AT_SYMLINK_NOFOLLOW);
}

static int open_file(int dir, const char *path, const char *suffix, int flags)
{
	char name[PATH_MAX];

	return openat(dir, file_name(dir, path, suffix, name),
	    flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Returns 0, also if it is not there, or -errno. */
static int remove_file(int dir, const char *path, const char *suffix)
{
	char name[PATH_MAX];

	return unlinkat(dir, file_name(dir, path, suffix, name), 0) &&
		       errno != ENOENT
		   ? -errno
		   : 0;
}

int sqlite_is_missing(int dir, const char *path)
{
	struct stat st;

	return sqlite_stat(dir, path, "", &st) && errno == ENOENT;
}

bool sqlite_has_lost_its_file(int dir, const char *path)
{
	struct stat st;

	return sqlite_is_missing(dir, path) &&
	       sqlite_stat(dir, path, "-wal", &st) == 0 && st.st_size > 0;
}

int sqlite_check_missing(int dir, const char *path)
{
	if (!sqlite_has_lost_its_file(dir, path))
		return 0;
	report(LOG_ERR,
	    "store %s: is missing, but its write-ahead log %s-wal is there: put its file back; nothing is made beside it",
	    path, path);
	return -EEXIST;
}

static int64_t size_of(int dir, const char *path, const char *suffix)
{
	struct stat st;

	return sqlite_stat(dir, path, suffix, &st) ? 0 : st.st_size;
}

int sqlite_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg)
{
	int rc = fn("store", size_of(dir, path, ""), arg);

	return rc ? rc : fn("wal", size_of(dir, path, "-wal"), arg);
}

int sqlite_remove(int dir, const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	int rc = 0;

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		int failed = remove_file(dir, path, suffix[i]);
		rc = failed ? failed : rc;
	}
	return rc;
}

/* What a store that is lost has left would be taken for the new one's. */
static int remove_remains(int dir, const char *path)
{
	static const char *const suffix[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		int rc = remove_file(dir, path, suffix[i]);
		if (rc) {
			report(LOG_ERR, "%s%s: %s", path, suffix[i],
			    strerror(-rc));
			return -EIO;
		}
	}
	return 0;
}

int sqlite_publish(int dir, const char *draft, const char *path)
{
	const char *from = last(dir, draft), *to = last(dir, path);
	struct stat st;

	/* closing has written everything into the one file, or else has not
	 * succeeded */
	if (sqlite_stat(dir, draft, "-wal", &st) == 0) {
		report(LOG_ERR, "store %s: could not be written", path);
		return -EIO;
	}
	if (remove_remains(dir, path))
		return -EIO;
	int rc = renameat2(dir, from, dir, to, RENAME_NOREPLACE);
	if (rc &&
	    errno ==
		EINVAL) /* a filesystem that cannot say so; we have looked */
		rc = renameat(dir, from, dir, to);
	if (rc) {
		rc = -errno;
		report(LOG_ERR, "store %s: %s", path, strerror(-rc));
		return rc;
	}
	return dir == AT_FDCWD ? path_sync(path)
			       : path_sync_directory(dir, ".");
}

/* Everything of the draft is on disk, and its file is like the old one's. */
static int settle_draft(int dir, const char *draft, const char *path)
{
	struct stat old = {0}, st = {0};
	int fd = open_file(dir, draft, "", O_RDWR);
	int rc = fd < 0 || sqlite_stat(dir, path, "", &old) || fstat(fd, &st)
		     ? -errno
		     : 0;

	if (!rc && (st.st_uid != old.st_uid || st.st_gid != old.st_gid) &&
	    fchown(fd, old.st_uid, old.st_gid))
		rc = -errno;
	if (!rc && (fchmod(fd, old.st_mode & 07777) || fsync(fd)))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

int sqlite_replace(int dir, const char *draft, const char *path)
{
	struct stat st;

	if (sqlite_stat(dir, draft, "-wal", &st) == 0) {
		report(LOG_ERR, "store %s: could not be written", draft);
		return -EIO;
	}
	/* the last to close it copies the log, and removes it */
	if (sqlite_stat(dir, path, "-wal", &st) == 0) {
		report(LOG_ERR,
		    "store %s: another program has it open, sqlite3 or a backup: fuser names it",
		    path);
		return -EBUSY;
	}
	int rc = settle_draft(dir, draft, path);
	if (!rc && renameat(dir, last(dir, draft), dir, last(dir, path)))
		rc = -errno;
	if (!rc)
		rc = dir == AT_FDCWD ? path_sync(path)
				     : path_sync_directory(dir, ".");
	if (rc)
		report(LOG_ERR, "store %s: %s", path, strerror(-rc));
	return rc;
}

bool sqlite_make(int dir, const char *path)
{
	int fd = open_file(dir, path, "", O_RDWR | O_CREAT | O_EXCL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
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

/* Whether it may be locked. */
static int check_file(int dir, const char *path, bool read_only)
{
	struct stat st;

	if (sqlite_stat(dir, path, "", &st)) {
		if (!read_only)
			return 0;
		report(LOG_ERR, "store %s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (!S_ISREG(st.st_mode)) {
		report(LOG_ERR, "store %s: not a regular file", path);
		return -EINVAL;
	}
	if (st.st_nlink > 1) {
		report(LOG_ERR,
		    "store %s: has another hard link, and two daemons might not see each other",
		    path);
		return -EINVAL;
	}
	return 0;
}

static int say_lock(const char *path, int rc)
{
	if (rc)
		report(LOG_ERR, "store %s: %s", path,
		    rc == -EBUSY ? "another enrollfs has it mounted"
				 : strerror(-rc));
	return rc;
}

/* One daemon a store. The file stays: removing it would let two hold two of
 * them. */
int sqlite_lock(
    int dir, const char *path, bool read_only, bool must_be_new, int *fd)
{
	struct stat st;
	int rc = check_file(dir, path, read_only);

	if (rc)
		return rc;
	*fd = open_file(dir, path, ".lock", O_RDWR | O_CREAT);
	/* who only reads goes without, on a disk that takes no file: `hold`
	 * locks the store */
	if (*fd < 0 && read_only && (errno == EROFS || is_full(errno)))
		return 0;
	if (*fd < 0) {
		rc = -errno;
		report(LOG_ERR, "%s.lock: %s%s", path, strerror(-rc),
		    is_full(-rc) ? ": free some space, or mount it with -o ro"
				 : "");
		return rc;
	}
	rc = say_lock(path, wait_for_lock(*fd));
	if (!rc && must_be_new && sqlite_stat(dir, path, "", &st) == 0) {
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
int sqlite_hold(int dir, const char *path, int *fd)
{
	*fd = open_file(dir, path, "", O_RDONLY);
	return say_lock(path, *fd < 0 ? -errno : wait_for_lock(*fd));
}

/* Device and inode of the i-th of SQLITE_FILES; inode 0: missing. */
static struct sqlite_file file_at(const struct sqlite_db *db, int i)
{
	static const char *const suffix[SQLITE_FILES] = {"", "-wal", "-shm"};
	struct stat st;

	if (sqlite_stat(db->dir, db->path, suffix[i], &st))
		return (struct sqlite_file){0};
	return (struct sqlite_file){st.st_dev, st.st_ino};
}

void sqlite_remember(struct sqlite_db *db)
{
	for (int i = 0; i < SQLITE_FILES; i++)
		db->files[i] = file_at(db, i);
}

/*
 * Whether the path leads elsewhere: the directory was renamed, or another one
 * is in its place. What were stored then would be missing where people, backups
 * and the next mount look for it.
 */
static bool has_moved(const struct sqlite_db *db)
{
	char folder[PATH_MAX];
	struct stat opened, st;
	const char *name = last(db->dir, db->path);

	if (db->dir == AT_FDCWD)
		return false;
	snprintf(
	    folder, sizeof(folder), "%.*s", (int)(name - db->path), db->path);
	return fstat(db->dir, &opened) || stat(folder, &st) ||
	       st.st_dev != opened.st_dev || st.st_ino != opened.st_ino;
}

const char *sqlite_gone(const struct sqlite_db *db)
{
	if (has_moved(db))
		return "its directory";
	for (int i = 0; i < SQLITE_FILES; i++) {
		struct sqlite_file now = file_at(db, i);
		if (db->files[i].inode && (now.inode != db->files[i].inode ||
					      now.device != db->files[i].device))
			return i ? "its write-ahead log" : "the file";
	}
	return NULL;
}
