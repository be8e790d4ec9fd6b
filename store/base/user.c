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

/* What a store consists of, behind its name. */
static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".key"};
enum { FILES = sizeof(suffixes) / sizeof(suffixes[0]) };

/* A store's directory, opened, and its name there. */
struct place {
	int fd;
	struct stat st;
	char directory[PATH_MAX], name[NAME_MAX + 1];
};

static int place_open(const char *store, struct place *out)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", store);
	snprintf(out->name, sizeof(out->name), "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", store);
	snprintf(out->directory, sizeof(out->directory), "%s", dirname(copy));
	out->fd = path_open(out->directory, O_RDONLY | O_DIRECTORY);
	if (out->fd >= 0 && fstat(out->fd, &out->st) == 0)
		return 0;
	int rc = -errno;
	report(LOG_ERR, "%s: %s", out->directory, strerror(-rc));
	if (out->fd >= 0)
		close(out->fd);
	return rc;
}

static bool file_name(const struct place *place, int i, char name[PATH_MAX])
{
	return snprintf(name, PATH_MAX, "%s%s", place->name, suffixes[i]) <=
	       NAME_MAX;
}

static bool is_number(const char *name, uid_t *out)
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
	const struct passwd *entry = is_number(name, &uid) ? getpwuid(uid)
							   : getpwnam(name);

	if (!entry)
		return -ENOENT;
	*out = (struct user){entry->pw_uid, entry->pw_gid};
	return 0;
}

/* His own group: a file's can be anybody's. */
static struct user owner(const struct stat *st)
{
	const struct passwd *entry = getpwuid(st->st_uid);

	return (struct user){st->st_uid, entry ? entry->pw_gid : st->st_gid};
}

int user_of(const char *path, struct user *out)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	*out = owner(&st);
	return 0;
}

static bool is_member(const struct user *user, gid_t gid)
{
	/* cppcheck-suppress getpwuidCalled; there are no threads yet */
	const struct passwd *entry = getpwuid(user->uid);
	gid_t groups[256];
	int n = sizeof(groups) / sizeof(groups[0]);

	if (!entry || getgrouplist(entry->pw_name, user->gid, groups, &n) < 0)
		return false;
	while (n > 0 && groups[n - 1] != gid)
		n--;
	return n > 0;
}

static int keep_group(const struct user *user)
{
	gid_t seeing;
	bool keep = process_seeing_group(&seeing) && is_member(user, seeing);

	return setgroups(keep, &seeing);
}

static int become(const struct user *user, int capability)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capability >= 0)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    (unsigned)capability);
	int rc = keep_group(user);
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
	return become(user, -1);
}

/* Asking for a capability that is not permitted refuses them all. */
static bool may_read_all(void)
{
	return !capng_get_caps_process() &&
	       capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
}

int user_become_reader(const struct user *user)
{
	if (may_read_all())
		return become(user, CAP_DAC_READ_SEARCH);
	report(LOG_NOTICE,
	    "without CAP_DAC_READ_SEARCH, as in most containers: the copy has to be readable by the user %d",
	    (int)user->uid);
	return become(user, -1);
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

/* --- whether he can keep a store there --- */

/* What a user cannot use: a file of the store, by its place in suffixes, or one
 * of these. */
enum { NOTHING = -1, DIRECTORY = FILES, UNKNOWN };

static int may_read(int fd, const char *path, int how)
{
	return faccessat(fd, path, how | R_OK, 0);
}

/* On a read-only filesystem reading is all there is to be allowed. */
static int may_use(int fd, const char *path, int how)
{
	int rc = faccessat(fd, path, how | R_OK | W_OK, 0);

	return rc && errno == EROFS ? may_read(fd, path, how) : rc;
}

static int forbidden(
    const struct place *place, int (*may)(int fd, const char *path, int how))
{
	char name[PATH_MAX];

	if (may(AT_FDCWD, place->directory, X_OK))
		return DIRECTORY;
	for (int i = 0; i < FILES; i++)
		/* the master key has been opened by then */
		if (strcmp(suffixes[i], ".key") != 0 &&
		    file_name(place, i, name) && may(place->fd, name, 0) &&
		    errno != ENOENT)
			return i;
	return NOTHING;
}

static int unusable(const struct place *place)
{
	return forbidden(place, may_use);
}

static int unreadable(const struct place *place)
{
	return forbidden(place, may_read);
}

static int unreachable(const struct place *place)
{
	return access(place->directory, F_OK) ? DIRECTORY : NOTHING;
}

/* The only sure way to know what he can do is to be him. */
static int user_cannot(const struct user *user, const struct place *place,
    int (*what)(const struct place *place))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(user_become(user) ? UNKNOWN + 1 : what(place) + 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return UNKNOWN;
	return WEXITSTATUS(status) - 1;
}

/* --- giving it to him --- */

/* Somebody else's. */
static bool is_home(const struct stat *st, const struct user *but)
{
	bool home = false;
	const struct passwd *entry;
	struct stat of;

	setpwent();
	while (!home && (entry = getpwent()))
		home = entry->pw_uid != but->uid &&
		       stat(entry->pw_dir, &of) == 0 &&
		       of.st_dev == st->st_dev && of.st_ino == st->st_ino;
	endpwent();
	return home;
}

/* Of what is mounted there nothing is given away. */
static bool has_content(const struct place *place, const char *name)
{
	int fd = openat(
	    place->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int entries = 0;

	if (fd < 0)
		return errno != ENOTDIR && errno != ELOOP && errno != ENOTCONN;
	if (fstat(fd, &st) || st.st_dev != place->st.st_dev) {
		close(fd);
		return false;
	}
	DIR *dir = fdopendir(fd);
	while (dir && entries < 3 && readdir(dir))
		entries++;
	if (dir)
		closedir(dir);
	else
		close(fd);
	return entries == 3; /* more than . and .. */
}

static bool is_of_store(const struct place *place, const char *name)
{
	char own[PATH_MAX];

	for (int i = 0; i < FILES; i++)
		if (file_name(place, i, own) && strcmp(own, name) == 0)
			return true;
	return false;
}

/* Folders with something in them; with_files: or anything else but an empty
 * folder. */
static bool has_others(const struct place *place, bool with_files)
{
	int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = !dir;

	while (!found && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    is_of_store(place, name))
			continue;
		bool folder = entry->d_type == DT_DIR ||
			      entry->d_type == DT_UNKNOWN;
		found = folder ? has_content(place, name) : with_files;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Made where everybody makes things, as by mktemp(1): nobody else counts on its
 * files. */
static bool is_scratch(const struct place *place)
{
	struct stat up;

	return fstatat(place->fd, "..", &up, 0) == 0 && up.st_uid == 0 &&
	       (up.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH);
}

static bool may_be_given(const struct place *place, const struct user *to)
{
	return place->st.st_uid == 0 &&
	       !(place->st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       strcmp(place->directory, "/") != 0 && !is_home(&place->st, to) &&
	       !has_others(place, !is_scratch(place));
}

/* In a directory that is root's, so that it stays as it was found. To nobody:
 * only looks. */
static int give_file(const struct place *place, int i, const struct user *to)
{
	char name[PATH_MAX];
	struct stat st;

	if (!file_name(place, i, name))
		return -ENAMETOOLONG;
	int fd = openat(
	    place->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
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

static int give(const struct place *place, const struct user *to)
{
	int rc = 0;

	/* all of them or none */
	for (int i = 0; i < FILES && !rc; i++)
		rc = give_file(place, i, NULL);
	for (int i = 0; i < FILES && !rc; i++)
		rc = give_file(place, i, to);
	if (!rc && fchown(place->fd, to->uid, to->gid))
		rc = -errno;
	if (rc)
		report(LOG_ERR, "%s/%s: cannot be given to the user %d: %s",
		    place->directory, place->name, (int)to->uid, strerror(-rc));
	return rc;
}

/* --- who it is to be --- */

/* Makes it so if it may. What the user cannot use; logged if it was root's own
 * failure. */
static int make_usable(
    const char *name, const struct user *user, const struct place *place)
{
	int what = user_cannot(user, place, unusable);

	if (what == NOTHING ||
	    user_cannot(user, place, unreachable) != NOTHING ||
	    !may_be_given(place, user) || give(place, user))
		return what;
	report(LOG_NOTICE, "%s and the store in it belong to the user %s now",
	    place->directory, name);
	return NOTHING;
}

/* Says what it is, whose, and what to do. In a directory of somebody else's
 * root gives no file. */
static void tell_unusable(
    int priority, const char *name, const struct place *place, int what)
{
	char file[PATH_MAX];
	struct stat st;

	if (what >= DIRECTORY || !file_name(place, what, file) ||
	    fstatat(place->fd, file, &st, AT_SYMLINK_NOFOLLOW))
		report(priority,
		    "the user %s cannot use %s and the store in it: make a directory for the store alone, which this user can reach, with install -d -m 700 -o %s",
		    name, place->directory, name);
	else
		report(priority,
		    "the user %s cannot use %s/%s: it belongs to the user %d and its mode is %04o; chown it to %s",
		    name, place->directory, file, (int)st.st_uid,
		    st.st_mode & 07777, name);
}

/* Nobody was asked for: the directory's owner, who has to be able to use what
 * is in it, too. */
static int choose_owner(
    const char *usual, bool there, const struct place *place, struct user *out)
{
	struct user first = *out;
	char name[32];

	*out = owner(&place->st);
	snprintf(name, sizeof(name), "%d", (int)out->uid);
	int what = out->uid ? user_cannot(out, place, unusable) : NOTHING;
	if (what != NOTHING) {
		/* what is no store, and a read-only mount, are for who opens
		 * it */
		bool fatal = user_cannot(out, place, unreadable) != NOTHING;
		tell_unusable(fatal ? LOG_ERR : LOG_NOTICE,
		    there && first.uid == out->uid ? usual : name, place, what);
		return fatal ? -EACCES : 0;
	}
	report(LOG_NOTICE,
	    "%s %s %s: the store is for the user %d, whom %s belongs to",
	    there ? "the user" : "there is no user", usual,
	    there ? "cannot use it" : "here", (int)out->uid, place->directory);
	return 0;
}

static int choose(const char *name, const struct place *place, struct user *out)
{
	const char *wanted = name ? name : USER_DEFAULT;
	bool there = user_find(wanted, out) == 0;
	int what = there ? make_usable(wanted, out, place) : NOTHING;

	if (there && what == NOTHING)
		return 0;
	if (!name)
		return choose_owner(wanted, there, place, out);
	if (there)
		tell_unusable(LOG_ERR, wanted, place, what);
	else
		report(LOG_ERR, "there is no user %s", name);
	return there ? -EACCES : -ENOENT;
}

int user_choose(const char *name, const char *store, struct user *out)
{
	struct place place = {.fd = -1};
	int rc = place_open(store, &place);

	if (rc)
		return rc;
	rc = choose(name, &place, out);
	close(place.fd);
	return rc;
}
