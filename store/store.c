/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <ctype.h>
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
static int get_setting(struct store *store, const char *name, struct setting *out)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT(name)), read_setting, out);

	return rc < 0 ? rc : rc == 0 ? -ENOENT : 0;
}

/*
 * A daemon that has just been unmounted may still be closing its store: what starts the next one
 * right behind it should not have to know.
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

/* One daemon a store. The file stays: removing it would let two hold two of them. */
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
	store->lock = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock < 0) {
		report(LOG_ERR, "%s: %s", name, strerror(errno));
		return -errno;
	}
	int rc = wait_for_lock(store->lock);
	if (rc)
		report(LOG_ERR, "store %s: %s", path,
			rc == -EBUSY ? "another enrollfs has it mounted" : strerror(-rc));
	if (!rc && options->must_be_new && lstat(path, &st) == 0) {
		report(LOG_ERR, "%s: %s", path, strerror(EEXIST));
		rc = -EEXIST;
	}
	return rc;
}

/* The host's name, which is what a domain defaults to. No resolver is asked. */
static int host_domain(char out[DOMAIN_MAX_LEN + 1])
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strlen(host) > DOMAIN_MAX_LEN || !domain_legal(host)) {
		report(LOG_ERR,
			"the host's name, %s, cannot be the domain: give -o domain=NAME "
			"(mkfs.enrollfs --domain NAME), a lower-case DNS name of at most %d bytes",
			host, DOMAIN_MAX_LEN);
		return -EINVAL;
	}
	memcpy(out, host, strlen(host) + 1);
	return 0;
}

static int choose_domain(struct store *store, const char *wanted)
{
	if (!wanted)
		return host_domain(store->domain);
	memcpy(store->domain, wanted, strlen(wanted) + 1);
	return 0;
}

int store_open_sealer(
	struct store *store, const struct store_options *options, bool make, const char *store_id)
{
	unsigned char key[PKI_SECRET];
	int rc = master_key(options, make, key);
	if (!rc)
		rc = pki_sealer_new(key, store_id, &store->sealer);
	explicit_bzero(key, sizeof(key));
	return rc;
}

static int fill_new(struct store *store, const struct store_options *options)
{
	unsigned char id[16];
	char store_id[2 * sizeof(id) + 1];

	if (options->read_only) {
		report(LOG_ERR, "store %s: is empty, and cannot be made on a read-only mount",
			options->path);
		return -EROFS;
	}
	int rc = choose_domain(store, options->domain);
	if (!rc)
		rc = pki_random(id, sizeof(id));
	if (rc)
		return rc;
	hex_text(id, sizeof(id), store_id);
	snprintf(store->id, sizeof(store->id), "%s", store_id);
	rc = store_open_sealer(store, options, true, store_id);
	if (!rc)
		rc = store_fill(store, store_id);
	if (!rc)
		report(LOG_NOTICE,
			"made the store %s for the domain %s (%s), which cannot be changed later",
			options->path, store->domain,
			options->domain ? "as asked for" : "this host's name");
	return rc;
}

static int check_domain(struct store *store, const struct store_options *options)
{
	struct setting domain = {0};
	int rc = get_setting(store, "domain", &domain);

	if (rc)
		return rc;
	snprintf(store->domain, sizeof(store->domain), "%.*s", DOMAIN_MAX_LEN, (char *)domain.data);
	if (!options->domain || strcmp(options->domain, store->domain) == 0)
		return 0;
	report(LOG_ERR, "store %s: its domain is %s and cannot be changed to %s", options->path,
		store->domain, options->domain);
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
		rc = pki_unseal(store->sealer, "check", 0, check.data, check.len, &plain);
	if (rc != -EBADMSG)
		return rc;
	report(LOG_ERR, "store %s: this is not the master key it was made with", options->path);
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

/* A store that could not be made, with its lock held: nobody else has it. The lock file stays. */
static void unmake(struct store *store, const char *path)
{
	db_close(store->db);
	store->db = NULL;
	store_unlink(path);
}

/*
 * The lock file could be removed under us, the store cannot without its being noticed. Open until
 * the connections are closed: closing any descriptor of it ends SQLite's own locks.
 */
static int hold(struct store *store, const char *path)
{
	store->held = open(path, O_RDONLY | O_CLOEXEC);
	int rc = store->held < 0 ? -errno : wait_for_lock(store->held);

	if (rc)
		report(LOG_ERR, "store %s: %s", path,
			rc == -EBUSY ? "another enrollfs has it mounted" : strerror(-rc));
	return rc;
}

static int open_locked(struct store *store, const struct store_options *options)
{
	struct setting store_id = {0};
	int rc = db_open(options->path, options->read_only ? DB_READ_ONLY : DB_CREATE, &store->db);

	if (rc) {
		report(LOG_ERR, "store %s: cannot be opened", options->path);
		return rc;
	}
	db_set_context(store->db, store);
	rc = hold(store, options->path);
	if (!rc)
		rc = shown_open(store);
	if (rc)
		return rc;
	/* Filling is one job: a store with an id has everything. */
	rc = get_setting(store, "store_id", &store_id);
	if (rc == -ENOENT)
		return fill_new(store, options);
	if (!rc) {
		snprintf(store->id, sizeof(store->id), "%.*s", (int)sizeof(store->id) - 1,
			(char *)store_id.data);
		rc = check_domain(store, options);
	}
	if (!rc)
		rc = read_audit(store);
	if (!rc)
		rc = store_open_sealer(store, options, false, (char *)store_id.data);
	return rc ? rc : check_master(store, options);
}

static int open_parts(struct store *store, const struct store_options *options)
{
	int rc = store_lock(store, options);

	if (rc)
		return rc;
	rc = open_locked(store, options);
	if (rc && options->must_be_new)
		unmake(store, options->path);
	return rc;
}

int store_locate(char **path)
{
	size_t most = db_path_max();

	if (path_absolute(path, "store"))
		return -1;
	if (strlen(*path) <= most)
		return 0;
	report(LOG_ERR, "store %s: %s: its path has %zu bytes, and a database's at most %zu", *path,
		strerror(ENAMETOOLONG), strlen(*path), most);
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
	const char *slash = strrchr(options->path, '/');
	store->directory = strndup(
		slash ? options->path : ".", slash ? (size_t)(slash - options->path) + 1 : 1);
	if (!store->directory || !store->path) {
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
		report(LOG_ERR, "domain %s: has to be a lower-case DNS name of at most %d bytes",
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
	free(store->directory);
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
