/* SPDX-License-Identifier: Apache-2.0 */
#include "store/master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/path.h"
#include "store/base/report.h"
#include "store/base/user.h"
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

/* The master key's file: 64 hex digits and a newline, accessible to its owner
 * only. */
enum { DIGITS = 2 * PKI_SECRET };

static int failed(const char *path, int error)
{
	report(LOG_ERR, "master key %s: %s", path, strerror(error));
	return -error;
}

/* Writes the key and syncs the file. */
static int write_whole(int fd, const char *text)
{
	ssize_t n = write(fd, text, DIGITS + 1);

	if (n < 0 || fsync(fd))
		return -errno;
	return n == DIGITS + 1 ? 0 : -ENOSPC;
}

static int write_key(int fd, const unsigned char key[PKI_SECRET])
{
	char text[DIGITS + 2];

	hex_text(key, PKI_SECRET, text);
	text[DIGITS] = '\n';
	int rc = write_whole(fd, text);
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* The file gets its name once it is complete: a crash must not leave half a
 * key. */
static int make_file(const char *path)
{
	unsigned char key[PKI_SECRET];
	char draft[PATH_MAX];
	int rc = pki_random(key, sizeof(key));

	if (rc)
		return rc;
	if (snprintf(draft, sizeof(draft), "%s.XXXXXX", path) >=
	    (int)sizeof(draft)) {
		explicit_bzero(key, sizeof(key));
		return failed(path, ENAMETOOLONG);
	}
	int fd = mkostemp(draft, O_CLOEXEC);
	rc = fd < 0 ? -errno : write_key(fd, key);
	explicit_bzero(key, sizeof(key));
	if (!rc && link(draft, path))
		rc = -errno;
	if (fd >= 0) {
		unlink(draft);
		close(fd);
	}
	if (!rc)
		rc = path_sync(path);
	return rc ? failed(path, -rc) : 0;
}

/* The file's owner can read the key, so they must be allowed to: root, this
 * user, or USER_DEFAULT. */
static bool may_have_it(uid_t owner)
{
	struct user usual;

	return owner == 0 || owner == geteuid() ||
	       (user_find(USER_DEFAULT, &usual) == 0 && owner == usual.uid);
}

static int check_mode(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return failed(path, errno);
	if (!S_ISREG(st.st_mode)) {
		report(LOG_ERR, "master key %s: not a regular file", path);
		return -EINVAL;
	}
	if (!may_have_it(st.st_uid)) {
		report(LOG_ERR,
		    "master key %s: belongs to somebody else; chown it to who serves",
		    path);
		return -EACCES;
	}
	if (st.st_mode & 077) {
		report(LOG_ERR,
		    "master key %s: group or others can use it; chmod 600 it",
		    path);
		return -EACCES;
	}
	return 0;
}

static int read_file(int fd, const char *path, unsigned char key[PKI_SECRET])
{
	char text[DIGITS + 2];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	int rc = -EINVAL;

	if (n == DIGITS || (n == DIGITS + 1 && text[DIGITS] == '\n'))
		rc = hex_bytes(text, DIGITS, key, PKI_SECRET);
	explicit_bzero(text, sizeof(text));
	if (rc)
		report(LOG_ERR, "master key %s: not 64 hex digits on one line",
		    path);
	return rc;
}

/* Beside a store on a server there is no place for it. */
static int check_place(const struct store_options *options)
{
	if (options->master_key || !db_is_server(options->path))
		return 0;
	report(LOG_ERR,
	    "master key: it is never on the server: say which file it is (-o master_key=FILE, --master-key FILE)");
	return -EINVAL;
}

static void key_path(const struct store_options *options, char path[PATH_MAX])
{
	if (options->master_key)
		snprintf(path, PATH_MAX, "%s", options->master_key);
	else
		snprintf(path, PATH_MAX, "%s.key", options->path);
}

/* Sets *fd to 0 if the file is missing. Does not block on a pipe. As root,
 * follows symbolic links only if root owns them (path_absolute). */
static int open_file(const char *path, int *fd)
{
	struct stat st;

	*fd = 0;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failed(path, errno);
	char *at = strdup(path);
	if (!at)
		return failed(path, ENOMEM);
	int rc = path_absolute(&at, "master key") ? -EINVAL : 0;
	if (!rc)
		*fd = path_open(at, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0) {
		rc = errno == ENOENT ? 0 : failed(path, errno);
		*fd = 0;
	}
	free(at);
	return rc;
}

/* The service manager loads credentials there (systemd.exec(5)) and removes
 * them with the service. */
static bool is_credential(const char *path)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	return directory && path_below(path, directory);
}

static int make_and_open(const char *path, int *fd)
{
	if (is_credential(path)) {
		report(LOG_ERR,
		    "master key %s: missing; none is made where the service manager loads it",
		    path);
		return -ENOKEY;
	}
	int rc = make_file(path);

	if (rc)
		return rc;
	report(LOG_NOTICE,
	    "made the master key %s: without it the store's secrets are lost",
	    path);
	return open_file(path, fd);
}

/* In the store's directory the key is made later, without privileges. */
static bool is_elsewhere(const struct store_options *options)
{
	const char *key = options->master_key,
		   *slash = strrchr(options->path, '/');
	size_t len = slash ? (size_t)(slash - options->path) + 1 : 0;

	return key && (strncmp(key, options->path, len) != 0 ||
			  strchr(key + len, '/'));
}

/* A key is made only with a new store: it could not open an existing one, nor
 * one of which other files remain. */
static bool has_no_store(const struct store_options *options)
{
	return db_is_missing(AT_FDCWD, options->path) > 0 &&
	       !db_has_lost_its_file(AT_FDCWD, options->path);
}

int store_find_key(struct store_options *options, bool make)
{
	char path[PATH_MAX];

	int rc = check_place(options);

	key_path(options, path);
	if (!rc)
		rc = open_file(path, &options->key_fd);
	if (!rc && !options->key_fd && make && is_elsewhere(options) &&
	    has_no_store(options))
		rc = make_and_open(path, &options->key_fd);
	if (!rc && !options->key_fd)
		options->key_fd = -1;
	return rc;
}

int master_key(const struct store_options *options, bool make,
    unsigned char key[PKI_SECRET])
{
	char path[PATH_MAX];
	int fd = options->key_fd > 0 ? options->key_fd : 0;
	int rc = check_place(options);

	key_path(options, path);
	if (!rc && !options->key_fd)
		rc = open_file(path, &fd);
	if (!rc && !fd && make)
		rc = make_and_open(path, &fd);
	if (!rc && !fd) {
		report(LOG_ERR,
		    "master key %s: missing; the store cannot be opened without it",
		    path);
		rc = -ENOKEY;
	}
	if (!rc)
		rc = check_mode(fd, path);
	if (!rc)
		rc = read_file(fd, path, key);
	if (fd && options->key_fd <= 0)
		close(fd);
	return rc;
}

/* --- replacing it --- */

#define STAGED_NEW ".new"
#define STAGED_OLD ".old"

/* Where the key's file is, without symbolic links: those stay. */
static int place_of(const struct store_options *options, const char *suffix,
    char path[PATH_MAX])
{
	char text[PATH_MAX], *at = NULL;

	key_path(options, text);
	int rc = path_absolute_copy(text, "master key", &at) ? -EINVAL : 0;
	if (!rc && snprintf(path, PATH_MAX, "%s%s", at, suffix) >= PATH_MAX)
		rc = failed(at, ENAMETOOLONG);
	free(at);
	return rc;
}

int master_owner(const struct store_options *options, uid_t *owner)
{
	char path[PATH_MAX];
	struct stat st;
	int rc = place_of(options, "", path);

	if (rc)
		return rc;
	*strrchr(path, '/') = '\0';
	if (stat(*path ? path : "/", &st))
		return failed(path, errno);
	*owner = st.st_uid;
	return 0;
}

/* Gives a new file the owner and mode of another one; the owner only if this
 * user may. */
static int make_alike(int fd, const char *path)
{
	struct stat old, st;

	if (lstat(path, &old) || fstat(fd, &st))
		return -errno;
	if ((st.st_uid != old.st_uid || st.st_gid != old.st_gid) &&
	    fchown(fd, old.st_uid, old.st_gid) && errno != EPERM)
		return -errno;
	return fchmod(fd, old.st_mode & 0700) ? -errno : 0;
}

/* Writes a key to a new file beside the master key's, with this suffix. */
static int write_beside(const struct store_options *options, const char *suffix,
    const unsigned char key[PKI_SECRET])
{
	char path[PATH_MAX], draft[PATH_MAX];
	int rc = place_of(options, "", path);

	if (!rc)
		rc = place_of(options, suffix, draft);
	if (rc)
		return rc;
	/* of a run that was killed */
	if (unlink(draft) && errno != ENOENT)
		return failed(draft, errno);
	int fd = open(
	    draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : write_key(fd, key);
	if (!rc)
		rc = make_alike(fd, path);
	if (fd >= 0)
		close(fd);
	if (!rc)
		rc = path_sync(draft);
	return rc ? failed(draft, -rc) : 0;
}

int master_stage(const struct store_options *options,
    const unsigned char old[PKI_SECRET], const unsigned char key[PKI_SECRET])
{
	int rc = write_beside(options, STAGED_OLD, old);

	if (!rc)
		rc = write_beside(options, STAGED_NEW, key);
	if (rc)
		master_unstage(options);
	return rc;
}

void master_unstage(const struct store_options *options)
{
	static const char *const suffix[] = {STAGED_OLD, STAGED_NEW};
	char draft[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++)
		if (!place_of(options, suffix[i], draft))
			unlink(draft);
}

static int rename_beside(
    const struct store_options *options, const char *from, const char *to)
{
	char old[PATH_MAX], new[PATH_MAX];
	int rc = place_of(options, from, old);

	if (!rc)
		rc = place_of(options, to, new);
	if (!rc && rename(old, new))
		rc = failed(new, errno);
	return rc;
}

/* The old key's name is made of the key, so that a run that goes on behind a
 * crash makes the same. */
static int keep_old(
    const struct store_options *options, const unsigned char old[PKI_SECRET])
{
	enum { SHORT = 4 };
	unsigned char hash[PKI_HASH];
	char name[2 * SHORT + 1], suffix[16], kept[PATH_MAX];
	int rc = pki_sha256(old, PKI_SECRET, hash);

	if (rc)
		return rc;
	hex_text(hash, SHORT, name);
	snprintf(suffix, sizeof(suffix), ".old-%s", name);
	rc = place_of(options, suffix, kept);
	if (!rc)
		rc = rename_beside(options, STAGED_OLD, suffix);
	if (!rc)
		report(LOG_NOTICE,
		    "the old master key is now %s: copies of export/ made before need it; remove it with the last of them",
		    kept);
	return rc;
}

int master_install(
    const struct store_options *options, const unsigned char old[PKI_SECRET])
{
	char path[PATH_MAX];
	int rc = place_of(options, "", path);

	if (!rc)
		rc = keep_old(options, old);
	if (!rc)
		rc = rename_beside(options, STAGED_NEW, "");
	if (!rc && path_sync(path))
		rc = failed(path, EIO);
	return rc;
}
