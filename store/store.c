/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/path.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/refusals.h"
#include "store/snapshot.h"

struct setting {
	unsigned char data[256];
	size_t len;
};

static int read_setting(const struct db_row *row, void *arg)
{
	struct setting *s = arg;
	size_t len;
	const void *blob = db_blob(row, 0, &len);

	s->len = len < sizeof(s->data) ? len : sizeof(s->data) - 1;
	memcpy(s->data, blob, s->len);
	s->data[s->len] = '\0';
	return 1;
}

/* -ENOENT if it has not been written. */
static int get_setting(
    struct store *store, const char *name, struct setting *out)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(
	    conn, DB_SETTING_GET, DB_ARGS(DB_TEXT(name)), read_setting, out);

	return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
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
int store_lock(struct store *store, const struct store_options *options)
{
	const char *path = options->path;
	char name[PATH_MAX];
	struct stat st;

	bool there = stat(path, &st) == 0;
	if (!there && store->read_only) {
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
	store->lock = open(
	    name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* who only reads goes without, on a disk that takes no file: `hold`
	 * locks the store */
	if (store->lock < 0 && store->read_only &&
	    (errno == EROFS || is_full(errno)))
		return 0;
	if (store->lock < 0) {
		int rc = -errno;
		report(LOG_ERR, "%s: %s%s", name, strerror(-rc),
		    is_full(-rc) ? ": free some space, or mount it with -o ro"
				 : "");
		return rc;
	}
	int rc = wait_for_lock(store->lock);
	if (rc)
		report(LOG_ERR, "store %s: %s", path,
		    rc == -EBUSY ? "another enrollfs has it mounted"
				 : strerror(-rc));
	if (!rc && options->must_be_new && lstat(path, &st) == 0) {
		report(LOG_ERR,
		    "%s: %s: nothing is overwritten; fsck.enrollfs says what it is",
		    path, strerror(EEXIST));
		rc = -EEXIST;
	}
	return rc;
}

int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id)
{
	unsigned char key[PKI_SECRET];
	int rc = master_key(options, make, key);
	if (!rc)
		rc = pki_sealer_new(key, store_id, &store->sealer);
	explicit_bzero(key, sizeof(key));
	return rc;
}

static int check_domain(struct store *store, const struct store_options *options)
{
	struct setting domain = {0};
	int rc = get_setting(store, "domain", &domain);

	if (rc)
		return rc;
	snprintf(store->domain, sizeof(store->domain), "%.*s", DOMAIN_MAX_LEN,
	    (char *)domain.data);
	if (!options->domain || strcmp(options->domain, store->domain) == 0)
		return 0;
	report(LOG_ERR,
	    "store %s: its domain is %s and cannot be changed to %s",
	    options->path, store->domain, options->domain);
	return -EINVAL;
}

/* A store of version 0.1.0 has no such setting: its files keep their modes. */
static int read_audit(struct store *store)
{
	struct setting setting;
	int rc = get_setting(store, "audit_private", &setting);

	store->audit_private = !rc;
	return rc == -ENOENT ? 0 : rc;
}

static int check_master(struct store *store, const struct store_options *options)
{
	CLEANUP_BYTES struct bytes plain = {0};
	struct setting check = {0};
	int rc = get_setting(store, "seal_check", &check);

	if (!rc)
		rc = pki_unseal(
		    store->sealer, "check", 0, check.data, check.len, &plain);
	if (rc != -EBADMSG)
		return rc;
	report(LOG_ERR, "store %s: this is not the master key it was made with",
	    options->path);
	return -EKEYREJECTED;
}

int store_unlink(const char *path)
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

/*
 * The lock file could be removed under us, the store cannot without its being
 * noticed. Open until the connections are closed: closing any descriptor of it
 * ends SQLite's own locks.
 */
static int hold(struct store *store, const char *path)
{
	store->held = open(path, O_RDONLY | O_CLOEXEC);
	int rc = store->held < 0 ? -errno : wait_for_lock(store->held);

	if (rc)
		report(LOG_ERR, "store %s: %s", path,
		    rc == -EBUSY ? "another enrollfs has it mounted"
				 : strerror(-rc));
	return rc;
}

static int db_flags(const struct store_options *options)
{
	return (options->read_only ? DB_READ_ONLY : 0) |
	       (options->accept_older ? DB_ACCEPT_OLDER : 0) |
	       (options->as_it_is ? DB_AS_IT_IS : 0);
}

static int identify(struct store *store, const struct store_options *options)
{
	struct setting store_id = {0};
	int rc = get_setting(store, "store_id", &store_id);

	/* Filling is one job: a store with an id has everything. */
	if (rc == -ENOENT) {
		report(LOG_ERR,
		    "store %s: was never finished: remove it if nothing was in it",
		    options->path);
		rc = -EINVAL;
	}
	if (!rc) {
		snprintf(store->id, sizeof(store->id), "%.*s",
		    (int)sizeof(store->id) - 1, (char *)store_id.data);
		rc = check_domain(store, options);
	}
	if (!rc)
		rc = read_audit(store);
	if (!rc)
		rc = store_open_sealer(
		    store, options, false, (char *)store_id.data);
	return rc ? rc : check_master(store, options);
}

/* A copy whose end is missing: read it may be, and with accept_older it goes on
 * from there. */
static int say_older(struct store *store, const struct store_options *options)
{
	const char *what = db_incomplete(store->db);

	if (!what || options->as_it_is)
		return 0;
	report(LOG_WARNING, "store %s: %s", options->path, what);
	return store_log_event(store, "accept_older", options->path);
}

static int open_locked(struct store *store, const struct store_options *options)
{
	int rc = db_open(options->path, db_flags(options), &store->db);

	if (rc) {
		report(LOG_ERR, "store %s: cannot be opened", options->path);
		return rc;
	}
	db_set_context(store->db, store);
	rc = hold(store, options->path);
	if (!rc)
		rc = shown_open(store);
	if (!rc)
		rc = identify(store, options);
	return rc ? rc : say_older(store, options);
}

static int open_parts(struct store *store, const struct store_options *options)
{
	int rc = store_lock(store, options);

	if (rc)
		return rc;
	struct store_options now = *options;
	bool make = !options->read_only && store_is_missing(options->path);
	if (make)
		rc = store_create(store, options);
	if (rc)
		return rc;
	if (make && now.key_fd < 0)
		now.key_fd = 0; /* it has been made by now */
	rc = open_locked(store, &now);
	if (!rc || !make || !options->must_be_new)
		return rc;
	db_close(store->db);
	store->db = NULL;
	store_unlink(options->path);
	return rc;
}

int store_locate(char **path)
{
	size_t most = db_path_max();

	if (path_absolute(path, "store"))
		return -1;
	if (strlen(*path) <= most)
		return 0;
	report(LOG_ERR,
	    "store %s: %s: its path has %zu bytes, and a database's at most %zu",
	    *path, strerror(ENAMETOOLONG), strlen(*path), most);
	return -1;
}

void store_start(void)
{
	pki_start();
}

int store_new(const struct store_options *options, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->lock = store->held = -1;
	store->read_only = options->read_only;

	store->export_gid = options->export_gid;
	store->audit_named = options->audit_gid;
	store->audit_gid = options->audit_gid ? *options->audit_gid : 0;
	store->uid = options->uid;
	store->gid = options->gid;
	store->enrolled = options->enrolled;
	store->enrolled_arg = options->enrolled_arg;
	pthread_mutex_init(&store->signers_lock, NULL);
	pthread_mutex_init(&store->snapshots_lock, NULL);
	for (int i = 0; i < MAKERS; i++)
		pthread_mutex_init(&store->making[i], NULL);
	for (int i = 0; i < STORE_LISTS; i++)
		pthread_mutex_init(&store->listing[i], NULL);
	store->metrics.started = clock_now();
	store->path = strdup(options->path);
	if (!store->path) {
		store_close(store);
		return -ENOMEM;
	}
	*out = store;
	return 0;
}

int store_open(const struct store_options *options, struct store **out)
{
	struct store *store;

	if (options->domain && !domain_legal(options->domain)) {
		report(LOG_ERR,
		    "domain %s: has to be a lower-case DNS name of at most %d bytes",
		    options->domain, DOMAIN_MAX_LEN);
		return -EINVAL;
	}
	int rc = store_new(options, &store);
	if (rc)
		return rc;
	rc = open_parts(store, options);
	if (rc) {
		store_close(store);
		return rc;
	}
	store->open = true;
	if (store->read_only && !options->as_it_is)
		lists_settle(store);
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->open && !store->read_only)
		lists_settle(store);
	if (store->open)
		refusal_log_rest(store);
	db_close(store->db);
	signer_forget_all(store);
	snapshot_forget_all(store);
	pki_sealer_free(store->sealer);
	if (store->held >= 0)
		close(store->held);
	if (store->lock >= 0)
		close(store->lock);
	pthread_mutex_destroy(&store->signers_lock);
	pthread_mutex_destroy(&store->snapshots_lock);
	for (int i = 0; i < MAKERS; i++)
		pthread_mutex_destroy(&store->making[i]);
	for (int i = 0; i < STORE_LISTS; i++)
		pthread_mutex_destroy(&store->listing[i]);
	free(store->path);
	free(store);
}

/* Asked by the open file, which is there whatever has become of its name. */
void store_space(const struct store *store, struct statvfs *out)
{
	if (fstatvfs(store->held, out))
		*out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096};
}

const char *store_domain(const struct store *store)
{
	return store->domain;
}
