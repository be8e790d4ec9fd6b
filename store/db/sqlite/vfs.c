/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/sqlite/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "store/db/sqlite/gather.h"
#include "store/db/sqlite/sqlite.h"

/*
 * The main file is one of SQLite's "unix" layer whose methods for locks and for
 * the index are ours, unless it is shared; the log's writes are gathered
 * (gather.h). What we keep of a file follows it in memory. Everything else is
 * SQLite's.
 */

/* Where SQLite locks a database,
 * https://sqlite.org/fileformat2.html#the_lock_byte_page */
enum { LOCK_BYTE = 0x40000000, LOCK_BYTES = 512 };

/* Of 32 KiB, for 4,096 pages of the log each: it is far shorter than these
 * would be good for. */
enum { REGIONS = 1024 };

/* What all connections to one file have in common. */
struct shared {
	dev_t device;
	ino_t inode;
	const sqlite3_vfs *vfs;
	int connections, readers; /* those that have at least a shared lock */
	int lock;		  /* descriptor that keeps other programs out */
	char *region[REGIONS];	  /* of the index */
	int regions;
	int slot[SQLITE_SHM_NLOCK]; /* how many share it; -1: one has it alone */
	struct shared *next;
};

struct ours {
	struct shared *shared;
	int level;		     /* SQLITE_LOCK_ */
	unsigned int sharing, alone; /* slots, as bits */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of everything here */
static struct shared *all;
static sqlite3_vfs *unix_vfs;
static sqlite3_vfs vfses[] = {
    [DB_VFS_SHARED] = {.zName = "enrollfs-shared"},
    [DB_VFS_ALONE] = {.zName = "enrollfs-alone"},
    [DB_VFS_READ] = {.zName = "enrollfs-read"},
    [DB_VFS_MAIN] = {.zName = "enrollfs-main"},
};
enum { VFSES = sizeof(vfses) / sizeof(vfses[0]) };
static sqlite3_io_methods main_methods;

static struct ours *ours(sqlite3_file *file)
{
	return (struct ours *)((char *)file + unix_vfs->szOsFile);
}

/* --- the lock on the main file --- */

/* Whoever cannot write to it shares it with others: where nobody can, nothing
 * changes. */
static int keep_others_out(const char *path, bool only_look)
{
	struct flock all_of_it = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = LOCK_BYTE,
	    .l_len = LOCK_BYTES};
	int fd = only_look ? -1 : open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		all_of_it.l_type = F_RDLCK;
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &all_of_it)) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct shared *find(const sqlite3_vfs *vfs, const struct stat *st)
{
	struct shared *s = all;

	while (s && (s->vfs != vfs || s->device != st->st_dev ||
			s->inode != st->st_ino))
		s = s->next;
	return s;
}

static bool looks_only(const sqlite3_vfs *vfs)
{
	return vfs == &vfses[DB_VFS_MAIN];
}

static bool reads_only(const sqlite3_vfs *vfs)
{
	return vfs == &vfses[DB_VFS_READ] || looks_only(vfs);
}

static int attach_locked(
    const sqlite3_vfs *vfs, const char *path, struct ours *o)
{
	struct stat st;

	if (stat(path, &st))
		return SQLITE_CANTOPEN;
	struct shared *s = find(vfs, &st);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return SQLITE_NOMEM;
		*s = (struct shared){
		    .device = st.st_dev, .inode = st.st_ino, .vfs = vfs};
		s->lock = keep_others_out(path, looks_only(vfs));
		if (s->lock < 0) {
			free(s);
			return errno == EAGAIN || errno == EACCES
				   ? SQLITE_BUSY
				   : SQLITE_CANTOPEN;
		}
		s->next = all;
		all = s;
	}
	s->connections++;
	*o = (struct ours){.shared = s};
	return SQLITE_OK;
}

static void forget(struct shared *s)
{
	struct shared **at = &all;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	for (int i = 0; i < s->regions; i++)
		free(s->region[i]);
	close(s->lock);
	free(s);
}

/* --- locks between the connections of this process --- */

static int lock_main(sqlite3_file *file, int level)
{
	struct ours *o = ours(file);
	int code = SQLITE_OK;

	pthread_mutex_lock(&lock);
	if (o->level == SQLITE_LOCK_NONE && level > SQLITE_LOCK_NONE) {
		o->shared->readers++;
		o->level = SQLITE_LOCK_SHARED;
	}
	if (level == SQLITE_LOCK_EXCLUSIVE && o->shared->readers > 1)
		code = SQLITE_BUSY;
	else if (level > o->level)
		o->level = level;
	pthread_mutex_unlock(&lock);
	return code;
}

static int unlock_main(sqlite3_file *file, int level)
{
	struct ours *o = ours(file);

	pthread_mutex_lock(&lock);
	if (level == SQLITE_LOCK_NONE && o->level > SQLITE_LOCK_NONE)
		o->shared->readers--;
	if (level < o->level)
		o->level = level;
	pthread_mutex_unlock(&lock);
	return SQLITE_OK;
}

static int check_reserved(sqlite3_file *file, int *out)
{
	(void)file;
	*out = 0;
	return SQLITE_OK;
}

static void release(struct ours *o, int i)
{
	unsigned int bit = 1U << i;

	if (o->alone & bit)
		o->shared->slot[i] = 0;
	else if (o->sharing & bit)
		o->shared->slot[i]--;
	o->alone &= ~bit;
	o->sharing &= ~bit;
}

static bool is_free(const struct ours *o, int i, bool alone)
{
	if (o->alone & 1U << i)
		return true;
	return alone ? o->shared->slot[i] == 0 : o->shared->slot[i] >= 0;
}

static void take(struct ours *o, int i, bool alone)
{
	unsigned int bit = 1U << i;

	if ((o->alone | (alone ? 0 : o->sharing)) & bit)
		return;
	o->shared->slot[i] = alone ? -1 : o->shared->slot[i] + 1;
	*(alone ? &o->alone : &o->sharing) |= bit;
}

static int lock_index(sqlite3_file *file, int from, int n, int flags)
{
	struct ours *o = ours(file);
	bool alone = flags & SQLITE_SHM_EXCLUSIVE, can = true;

	pthread_mutex_lock(&lock);
	for (int i = from; i < from + n && !(flags & SQLITE_SHM_UNLOCK); i++)
		can = can && is_free(o, i, alone);
	for (int i = from; i < from + n && can; i++)
		if (flags & SQLITE_SHM_UNLOCK)
			release(o, i);
		else
			take(o, i, alone);
	pthread_mutex_unlock(&lock);
	return can ? SQLITE_OK : SQLITE_BUSY;
}

/* --- the index --- */

static int grow(struct shared *s, int regions, int size)
{
	if (regions > REGIONS)
		return SQLITE_FULL;
	while (s->regions < regions) {
		char *region = calloc(1, (size_t)size);
		if (!region)
			return SQLITE_NOMEM;
		s->region[s->regions++] = region;
	}
	return SQLITE_OK;
}

static int map_index(
    sqlite3_file *file, int i, int size, int extend, void volatile **out)
{
	struct shared *s = ours(file)->shared;
	int code = SQLITE_OK;

	pthread_mutex_lock(&lock);
	if (i >= s->regions && extend)
		code = grow(s, i + 1, size);
	*out = i < s->regions ? s->region[i] : NULL;
	pthread_mutex_unlock(&lock);
	return code;
}

static void barrier(sqlite3_file *file)
{
	(void)file;
	pthread_mutex_lock(
	    &lock); /* a full one, and known to thread checkers */
	pthread_mutex_unlock(&lock);
}

/* It goes with the last connection. */
static int unmap_index(sqlite3_file *file, int remove)
{
	(void)file;
	(void)remove;
	return SQLITE_OK;
}

static int close_main(sqlite3_file *file)
{
	struct ours *o = ours(file);

	unlock_main(file, SQLITE_LOCK_NONE);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
		release(o, i);
	if (--o->shared->connections == 0)
		forget(o->shared);
	pthread_mutex_unlock(&lock);
	return main_methods.xClose(file);
}

/* --- a write-ahead log that is not there --- */

static int empty_ok(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int empty_read(
    sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
	(void)file;
	(void)offset;
	memset(to, 0, (size_t)size);
	return SQLITE_IOERR_SHORT_READ;
}

static int empty_write(
    sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
	(void)file;
	(void)from;
	(void)size;
	(void)offset;
	return SQLITE_READONLY;
}

static int empty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	(void)file;
	(void)size;
	return SQLITE_OK;
}

static int empty_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int empty_size(sqlite3_file *file, sqlite3_int64 *size)
{
	(void)file;
	*size = 0;
	return SQLITE_OK;
}

static int empty_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int empty_control(sqlite3_file *file, int what, void *arg)
{
	(void)file;
	(void)what;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static const sqlite3_io_methods empty_methods = {
    .iVersion = 1,
    .xClose = empty_ok,
    .xRead = empty_read,
    .xWrite = empty_write,
    .xTruncate = empty_truncate,
    .xSync = empty_sync,
    .xFileSize = empty_size,
    .xLock = empty_lock,
    .xUnlock = empty_lock,
    .xCheckReservedLock = check_reserved,
    .xFileControl = empty_control,
    .xSectorSize = empty_ok,
    .xDeviceCharacteristics = empty_ok,
};

/* --- opening --- */

/* All main files have the same methods: "unix" gives others only to those it
 * does not lock. */
static const sqlite3_io_methods *with_ours(const sqlite3_io_methods *methods)
{
	static sqlite3_io_methods mixed;

	pthread_mutex_lock(&lock);
	main_methods = mixed = *methods;
	mixed.xClose = close_main;
	mixed.xLock = lock_main;
	mixed.xUnlock = unlock_main;
	mixed.xCheckReservedLock = check_reserved;
	mixed.xShmMap = map_index;
	mixed.xShmLock = lock_index;
	mixed.xShmBarrier = barrier;
	mixed.xShmUnmap = unmap_index;
	pthread_mutex_unlock(&lock);
	return &mixed;
}

/* What another program has open it may close in a moment. */
static int attach(const sqlite3_vfs *vfs, const char *path, struct ours *o)
{
	static const struct timespec pause = {.tv_nsec = 50000000};
	int code;

	for (int tries = 0;; tries++) {
		pthread_mutex_lock(&lock);
		code = attach_locked(vfs, path, o);
		pthread_mutex_unlock(&lock);
		if (code != SQLITE_BUSY || tries == SQLITE_BUSY_MS / 50)
			return code;
		nanosleep(&pause, NULL);
	}
}

static int open_main(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	int code = unix_vfs->xOpen(unix_vfs, path, file, flags, out);

	if (code != SQLITE_OK)
		return code;
	code = attach(vfs, path, ours(file));
	if (code == SQLITE_OK) {
		file->pMethods = with_ours(file->pMethods);
		return SQLITE_OK;
	}
	file->pMethods->xClose(file);
	file->pMethods = NULL;
	return code;
}

static int open_log(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	int present = 1, code;

	if (reads_only(vfs))
		vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &present);
	if (!present) {
		file->pMethods = &empty_methods;
		if (out)
			*out = flags;
		return SQLITE_OK;
	}
	code = unix_vfs->xOpen(unix_vfs, path, file, flags, out);
	if (code == SQLITE_OK && !reads_only(vfs))
		gather_writes(file, (size_t)unix_vfs->szOsFile);
	return code;
}

static int open_any(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	if (reads_only(vfs) && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) {
		flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
		flags |= SQLITE_OPEN_READONLY;
	}
	if (flags & SQLITE_OPEN_MAIN_DB && vfs != &vfses[DB_VFS_SHARED])
		return open_main(vfs, path, file, flags, out);
	if (flags & SQLITE_OPEN_WAL)
		return open_log(vfs, path, file, flags, out);
	return unix_vfs->xOpen(unix_vfs, path, file, flags, out);
}

static bool is_log(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, "-wal") == 0;
}

static int access_any(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	if (looks_only(vfs) && is_log(path)) {
		*out = 0;
		return SQLITE_OK;
	}
	return unix_vfs->xAccess(unix_vfs, path, flags, out);
}

static int delete_any(sqlite3_vfs *vfs, const char *path, int sync)
{
	return reads_only(vfs) ? SQLITE_OK
			       : unix_vfs->xDelete(unix_vfs, path, sync);
}

/* "unix" would resolve symbolic links, and a descriptor's link in /proc
 * resolves to the directory's present path. */
static int name_as_it_is(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", name) < size ? SQLITE_OK
							      : SQLITE_CANTOPEN;
}

static void set_up(sqlite3_vfs *vfs, bool alone)
{
	const char *name = vfs->zName;
	size_t tail = alone ? sizeof(struct ours) : 0;

	*vfs = *unix_vfs;
	vfs->zName = name;
	vfs->pNext = NULL;
	vfs->xFullPathname = name_as_it_is;
	vfs->xOpen = open_any;
	if (tail < sizeof(struct gather))
		tail = sizeof(struct gather);
	vfs->szOsFile = unix_vfs->szOsFile + (int)tail;
	if (!alone)
		return;
	vfs->xAccess = access_any;
	vfs->xDelete = delete_any;
}

static void register_all(void)
{
	unix_vfs = sqlite3_vfs_find("unix");
	for (int i = 0; i < VFSES && unix_vfs; i++) {
		set_up(&vfses[i], i != DB_VFS_SHARED);
		sqlite3_vfs_register(&vfses[i], 0);
	}
}

const char *db_vfs_name(enum db_vfs which)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_all);
	return unix_vfs ? vfses[which].zName : NULL;
}

bool db_vfs_maps_safely(const char *name)
{
	enum { SQLITE_STEP = 4096 };
	int fd = open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return false;
	/* nothing of a file is cloned to itself: only a filesystem that has no
	 * clones says so */
	bool shares_none = ioctl(fd, FICLONE, fd) &&
			   (errno == EOPNOTSUPP || errno == ENOTTY ||
			       errno == ENOSYS);
	bool has_whole_blocks = fstatfs(fd, &fs) == 0 &&
				fs.f_bsize >= SQLITE_STEP;
	close(fd);
	return shares_none && has_whole_blocks;
}
