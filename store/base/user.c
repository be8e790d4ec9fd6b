/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/user.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/base/path.h"
#include "store/base/process.h"
#include "store/base/report.h"

/* A store's directory, opened, and the store's file name in it. */
struct store_dir {
	const char *const *suffix; /* of the store's files; NULL at the end */
	int fd;
	struct stat st;
	char path[PATH_MAX], name[NAME_MAX + 1];
};

static int store_dir_open(
    const char *store, const char *const *suffixes, struct store_dir *out)
{
	char copy[PATH_MAX];

	out->suffix = suffixes;
	snprintf(copy, sizeof(copy), "%s", store);
	snprintf(out->name, sizeof(out->name), "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", store);
	snprintf(out->path, sizeof(out->path), "%s", dirname(copy));
	out->fd = path_open(out->path, O_RDONLY | O_DIRECTORY);
	if (out->fd >= 0 && fstat(out->fd, &out->st) == 0)
		return 0;
	int rc = -errno;
	report(LOG_ERR, "%s: %s", out->path, strerror(-rc));
	if (out->fd >= 0)
		close(out->fd);
	return rc;
}

static bool file_name(const struct store_dir *dir, int i, char name[PATH_MAX])
{
	return snprintf(name, PATH_MAX, "%s%s", dir->name, dir->suffix[i]) <=
	       NAME_MAX;
}

static bool parse_uid(const char *name, uid_t *out)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(name, &end, 10);
	*out = (uid_t)n;
	return *name >= '0' && *name <= '9' && !*end && !errno && n < (uid_t)-1;
}

int user_find(const char *name, struct user *out)
{
	uid_t uid;
	const struct passwd *entry = parse_uid(name, &uid) ? getpwuid(uid)
							   : getpwnam(name);

	if (!entry)
		return -ENOENT;
	*out = (struct user){entry->pw_uid, entry->pw_gid};
	return 0;
}

/* The owner with their primary group: a file's group may be any. */
static struct user owner_of(const struct stat *st)
{
	const struct passwd *entry = getpwuid(st->st_uid);

	return (struct user){st->st_uid, entry ? entry->pw_gid : st->st_gid};
}

int user_of(const char *path, struct user *out)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	*out = owner_of(&st);
	return 0;
}

static bool is_member(const struct user *user, gid_t gid)
{
	/* cppcheck-suppress getpwuidCalled; there are no other threads yet */
	const struct passwd *entry = getpwuid(user->uid);
	gid_t groups[256];
	int n = sizeof(groups) / sizeof(groups[0]);

	if (!entry || getgrouplist(entry->pw_name, user->gid, groups, &n) < 0)
		return false;
	while (n > 0 && groups[n - 1] != gid)
		n--;
	return n > 0;
}

static int set_groups(const struct user *user)
{
	gid_t hidepid_gid;
	bool keep = process_hidepid_group(&hidepid_gid) &&
		    is_member(user, hidepid_gid);

	return setgroups(keep, &hidepid_gid);
}

static int drop_to(const struct user *user, int capability)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capability >= 0)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    (unsigned)capability);
	int rc = set_groups(user);
	if (rc == 0)
		rc = capng_change_id((int)user->uid, (int)user->gid,
		    CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);

	if (rc == 0) {
		process_protect();
		return 0;
	}
	report(LOG_ERR,
	    "cannot become the user %d: %s (it takes CAP_SETUID, CAP_SETGID, CAP_SETPCAP)",
	    (int)user->uid, strerror(errno));
	return -EPERM;
}

int user_become(const struct user *user)
{
	return drop_to(user, -1);
}

/* capng_apply(3) fails for the whole set if one capability is not permitted. */
static bool may_read_all(void)
{
	return !capng_get_caps_process() &&
	       capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
}

int user_become_reader(const struct user *user)
{
	if (may_read_all())
		return drop_to(user, CAP_DAC_READ_SEARCH);
	report(LOG_NOTICE,
	    "without CAP_DAC_READ_SEARCH, as in most containers: the copy has to be readable by the user %d",
	    (int)user->uid);
	return drop_to(user, -1);
}

int user_keep_mounting(void)
{
	bool search = may_read_all();

	capng_clear(CAPNG_SELECT_ALL);
	capng_update(
	    CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN);
	if (search)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_DAC_READ_SEARCH);
	return capng_apply(CAPNG_SELECT_ALL) ? -EPERM : 0;
}

/* --- access checks --- */

/* The result of an access check, the child's exit status minus 1: the index of
 * the first denied file in the suffixes, or one of these. */
enum { NOTHING = -1, DIRECTORY = 100, UNKNOWN };

static int may_read(int fd, const char *path, int how)
{
	return faccessat(fd, path, how | R_OK, 0);
}

/* On a read-only filesystem read permission is enough. */
static int may_use(int fd, const char *path, int how)
{
	int rc = faccessat(fd, path, how | R_OK | W_OK, 0);

	return rc && errno == EROFS ? may_read(fd, path, how) : rc;
}

static int first_denied(
    const struct store_dir *dir, int (*may)(int fd, const char *path, int how))
{
	char name[PATH_MAX];

	if (may(AT_FDCWD, dir->path, X_OK))
		return DIRECTORY;
	for (int i = 0; dir->suffix[i]; i++)
		/* root opens the master key before it drops privileges */
		if (strcmp(dir->suffix[i], ".key") != 0 &&
		    file_name(dir, i, name) && may(dir->fd, name, 0) &&
		    errno != ENOENT)
			return i;
	return NOTHING;
}

static int unusable(const struct store_dir *dir)
{
	return first_denied(dir, may_use);
}

static int unreadable(const struct store_dir *dir)
{
	return first_denied(dir, may_read);
}

static int unreachable(const struct store_dir *dir)
{
	return access(dir->path, F_OK) ? DIRECTORY : NOTHING;
}

/* Runs an access check as the user, in a child process: only the kernel knows
 * all rules. */
static int check_as(const struct user *user, const struct store_dir *dir,
    int (*check)(const struct store_dir *dir))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(user_become(user) ? UNKNOWN + 1 : check(dir) + 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return UNKNOWN;
	return WEXITSTATUS(status) - 1;
}

/* --- chown of the directory and the store --- */

/* Whether it is the home of another user than this one. */
static bool is_home(const struct stat *st, const struct user *except)
{
	bool home = false;
	const struct passwd *entry;
	struct stat of;

	setpwent();
	while (!home && (entry = getpwent()))
		home = entry->pw_uid != except->uid &&
		       stat(entry->pw_dir, &of) == 0 &&
		       of.st_dev == st->st_dev && of.st_ino == st->st_ino;
	endpwent();
	return home;
}

/* Whether a subdirectory has entries. A mount point counts as empty: its
 * content is on another filesystem, and is not chowned. */
static bool has_content(const struct store_dir *dir, const char *name)
{
	int fd = openat(
	    dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int entries = 0;

	if (fd < 0)
		return errno != ENOTDIR && errno != ELOOP && errno != ENOTCONN;
	if (fstat(fd, &st) || st.st_dev != dir->st.st_dev) {
		close(fd);
		return false;
	}
	DIR *stream = fdopendir(fd);
	while (stream && entries < 3 && readdir(stream))
		entries++;
	if (stream)
		closedir(stream);
	else
		close(fd);
	return entries == 3; /* more than . and .. */
}

static bool is_of_store(const struct store_dir *dir, const char *name)
{
	char own[PATH_MAX];

	for (int i = 0; dir->suffix[i]; i++)
		if (file_name(dir, i, own) && strcmp(own, name) == 0)
			return true;
	return false;
}

/* Whether a directory has subdirectories with entries or, with_files, files
 * that are not the store's. */
static bool has_foreign_entries(const struct store_dir *dir, bool with_files)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = !stream;

	while (!found && (entry = readdir(stream))) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    is_of_store(dir, name))
			continue;
		bool folder = entry->d_type == DT_DIR ||
			      entry->d_type == DT_UNKNOWN;
		found = folder ? has_content(dir, name) : with_files;
	}
	if (stream)
		closedir(stream);
	return found;
}

/* A directory in a sticky one, as made by mktemp(1): no program relies on its
 * files. */
static bool is_scratch(const struct store_dir *dir)
{
	struct stat up;

	return fstatat(dir->fd, "..", &up, 0) == 0 && up.st_uid == 0 &&
	       (up.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH);
}

static bool may_chown(const struct store_dir *dir, const struct user *to)
{
	return dir->st.st_uid == 0 &&
	       !(dir->st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       strcmp(dir->path, "/") != 0 && !is_home(&dir->st, to) &&
	       !has_foreign_entries(dir, !is_scratch(dir));
}

/* Chowns one file of the store; with `to` NULL, only checks that it may be. The
 * directory belongs to root, so no entry changes between check and use. */
static int chown_file(const struct store_dir *dir, int i, const struct user *to)
{
	char name[PATH_MAX];
	struct stat st;

	if (!file_name(dir, i, name))
		return -ENAMETOOLONG;
	int fd = openat(
	    dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = fstat(fd, &st) ? -errno : 0;
	if (!rc && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		rc = -EPERM;
	if (!rc && to && fchown(fd, to->uid, to->gid))
		rc = -errno;
	close(fd);
	return rc;
}

static int chown_store(const struct store_dir *dir, const struct user *to)
{
	int rc = 0;

	/* check all before changing any */
	for (int i = 0; dir->suffix[i] && !rc; i++)
		rc = chown_file(dir, i, NULL);
	for (int i = 0; dir->suffix[i] && !rc; i++)
		rc = chown_file(dir, i, to);
	if (!rc && fchown(dir->fd, to->uid, to->gid))
		rc = -errno;
	if (rc)
		report(LOG_ERR, "%s/%s: cannot be given to the user %d: %s",
		    dir->path, dir->name, (int)to->uid, strerror(-rc));
	return rc;
}

/* --- choosing the user --- */

/* Grants access by chown if that is permitted. Returns the file that remains
 * denied, or NOTHING. */
static int grant_access(
    const char *name, const struct user *user, const struct store_dir *dir)
{
	int denied = check_as(user, dir, unusable);

	if (denied == NOTHING || check_as(user, dir, unreachable) != NOTHING ||
	    !may_chown(dir, user) || chown_store(dir, user))
		return denied;
	report(LOG_NOTICE, "%s and the store in it belong to the user %s now",
	    dir->path, name);
	return NOTHING;
}

/* Logs the denied file, its owner, and the remedy. */
static void report_unusable(
    int priority, const char *name, const struct store_dir *dir, int denied)
{
	char file[PATH_MAX];
	struct stat st;

	if (denied >= DIRECTORY || !file_name(dir, denied, file) ||
	    fstatat(dir->fd, file, &st, AT_SYMLINK_NOFOLLOW))
		report(priority,
		    "the user %s cannot use %s and the store in it: make a directory for the store alone that this user can reach, with install -d -m 700 -o %s",
		    name, dir->path, name);
	else
		report(priority,
		    "the user %s cannot use %s/%s: it belongs to the user %d and its mode is %04o; chown it to %s",
		    name, dir->path, file, (int)st.st_uid, st.st_mode & 07777,
		    name);
}

/* No user was requested and USER_DEFAULT does not fit: chooses the directory's
 * owner, if the store is accessible to them. */
static int choose_owner(const char *usual, bool exists,
    const struct store_dir *dir, struct user *out)
{
	struct user first = *out;
	char name[32];

	*out = owner_of(&dir->st);
	snprintf(name, sizeof(name), "%d", (int)out->uid);
	int denied = out->uid ? check_as(out, dir, unusable) : NOTHING;
	if (denied != NOTHING) {
		/* readable: store_open decides, it may be a read-only mount or
		 * not a store */
		bool fatal = check_as(out, dir, unreadable) != NOTHING;
		report_unusable(fatal ? LOG_ERR : LOG_NOTICE,
		    exists && first.uid == out->uid ? usual : name, dir,
		    denied);
		return fatal ? -EACCES : 0;
	}
	report(LOG_NOTICE,
	    "%s %s %s: the store is for the user %d, the owner of %s",
	    exists ? "the user" : "there is no user", usual,
	    exists ? "cannot use it" : "here", (int)out->uid, dir->path);
	return 0;
}

static int choose(
    const char *name, const struct store_dir *dir, struct user *out)
{
	const char *wanted = name ? name : USER_DEFAULT;
	bool exists = user_find(wanted, out) == 0;
	int denied = exists ? grant_access(wanted, out, dir) : NOTHING;

	if (exists && denied == NOTHING)
		return 0;
	if (!name)
		return choose_owner(wanted, exists, dir, out);
	if (exists)
		report_unusable(LOG_ERR, wanted, dir, denied);
	else
		report(LOG_ERR, "there is no user %s", name);
	return exists ? -EACCES : -ENOENT;
}

int user_named(const char *name, struct user *out)
{
	int rc = user_find(name ? name : USER_DEFAULT, out);

	if (rc)
		report(
		    LOG_ERR, "there is no user %s", name ? name : USER_DEFAULT);
	return rc;
}

int user_choose(const char *name, const char *store,
    const char *const *suffixes, struct user *out)
{
	struct store_dir dir = {.fd = -1};
	int rc = store_dir_open(store, suffixes, &dir);

	if (rc)
		return rc;
	rc = choose(name, &dir, out);
	close(dir.fd);
	return rc;
}
