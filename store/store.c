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
#include "store/create.h"
#include "store/internal.h"
#include "store/lists/crl.h"
#include "store/lists/keeper.h"
#include "store/log.h"
#include "store/objects/shown.h"
#include "store/open.h"

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

/* Returns -ENOENT if there is no such setting. */
static int get_setting(
    struct store *store, const char *name, struct setting *out)
{
	struct db_conn *conn = db_reader(store->db);
	return db_one(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT(name)),
	    read_setting, out, -ENOENT);
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

/* Stores of version 0.1.0 lack the setting: their files keep their modes. */
static int read_audit(struct store *store)
{
	struct setting setting;
	int rc = get_setting(store, "audit_private", &setting);

	store->audit_private = !rc;
	return rc == -ENOENT ? 0 : rc;
}

int store_unseal_setting(struct store *store, const struct pki_sealer *sealer,
    const char *name, const char *kind, struct bytes *out)
{
	CLEANUP_BYTES struct bytes sealed = {0};
	int rc = db_one(db_reader(store->db), DB_SETTING_GET,
	    DB_ARGS(DB_TEXT(name)), db_read_blob, &sealed, -ENOENT);

	return rc ? rc
		  : pki_unseal(sealer, kind, 0, sealed.data, sealed.len, out);
}

/* Says what to do if this is the master key that rekey.enrollfs has replaced,
 * but for its file. */
static bool say_replaced(
    struct store *store, const struct store_options *options)
{
	CLEANUP_BYTES struct bytes command = {0};

	if (store_unseal_setting(
		store, store->sealer, STORE_SEAL_BEFORE, "before", &command) ||
	    bytes_add(&command, "", 1))
		return false;
	report(LOG_ERR,
	    "store %s: has another master key since rekey.enrollfs ran, and this is the one before. This puts the new one in its place: %s",
	    options->path, (char *)command.data);
	return true;
}

int store_check_master(struct store *store, const struct store_options *options)
{
	CLEANUP_BYTES struct bytes plain = {0};
	int rc = store_unseal_setting(
	    store, store->sealer, STORE_SEAL_CHECK, "check", &plain);

	if (rc != -EBADMSG)
		return rc;
	if (say_replaced(store, options))
		return -EKEYREJECTED;
	report(LOG_ERR, "store %s: this is not the master key it was made with",
	    options->path);
	return -EKEYREJECTED;
}

/* store_check says what is wrong with it. */
static int read_anchor(struct store *store, const struct store_options *options)
{
	int rc = anchor_read(db_reader(store->db), store, &store->anchor);

	if (rc != -EBADMSG || options->as_it_is)
		return rc == -EBADMSG ? 0 : rc;
	report(LOG_ERR,
	    "store %s: where its trail begins was changed: fsck.enrollfs says more",
	    options->path);
	return -EIO;
}

static int db_flags(const struct store_options *options)
{
	return (options->read_only ? DB_READ_ONLY : 0) |
	       (options->upgrade ? DB_UPGRADE : 0) |
	       (options->alone ? DB_ALONE : 0) |
	       (options->accept_older ? DB_ACCEPT_OLDER : 0) |
	       (options->as_it_is ? DB_AS_IT_IS : 0);
}

int store_read_identity(struct store *store, const struct store_options *options)
{
	struct setting store_id = {0};
	int rc = get_setting(store, "store_id", &store_id);

	/* A store is filled by one job: if it has an id, it is complete. */
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
	return rc ? rc : read_audit(store);
}

/* Warns about an incomplete copy, and records that it was accepted
 * (accept_older). */
static int say_older(struct store *store, const struct store_options *options)
{
	const char *what = db_incomplete(store->db);

	if (!what || options->as_it_is)
		return 0;
	report(LOG_WARNING, "store %s: %s", options->path, what);
	return store_log_event(store, "accept_older", options->path);
}

static int note_table(const char *what, void *arg)
{
	*(bool *)arg |= strncmp(what, "table", 5) == 0;
	return 0;
}

/* Whether a table is missing: then only store_check can use the store, to
 * report it. */
static bool lacks_tables(struct store *store)
{
	bool lacks = false;

	return !db_check(
		   db_reader(store->db), DB_CHECK_SCHEMA, note_table, &lacks) &&
	       lacks;
}

int store_open_database(struct store *store, const struct store_options *options)
{
	int rc = db_open(
	    store->dir, options->path, db_flags(options), &store->db);

	if (rc) {
		report(LOG_ERR, "store %s: cannot be opened", options->path);
		return rc;
	}
	store_set_hooks(store);
	db_on_member(
	    store->db, options->member_changed, options->member_changed_arg);
	db_set_waits(store->db, options->waits);
	return db_hold(store->dir, options->path, &store->held);
}

static int open_locked(struct store *store, const struct store_options *options)
{
	int rc = store_open_database(store, options);

	if (!rc && options->as_it_is && lacks_tables(store))
		return 0;
	if (!rc)
		rc = shown_open(store);
	if (!rc)
		rc = store_read_identity(store, options);
	if (!rc)
		rc = store_open_sealer(store, options, false, store->id);
	if (!rc)
		rc = store_check_master(store, options);
	if (!rc)
		rc = read_anchor(store, options);
	return rc ? rc : say_older(store, options);
}

static int open_parts(struct store *store, const struct store_options *options)
{
	int rc = store_lock(store, options);

	if (rc)
		return rc;
	struct store_options now = *options;
	int missing = options->read_only || options->upgrade
			  ? 0
			  : db_is_missing(store->dir, options->path);
	if (missing < 0)
		return missing;
	bool make = missing;
	if (make)
		rc = store_create(store, options);
	if (rc)
		return rc;
	if (make && now.key_fd < 0)
		now.key_fd = 0; /* store_create has made it */
	rc = open_locked(store, &now);
	if (!rc || !make || !options->must_be_new)
		return rc;
	db_close(store->db);
	store->db = NULL;
	db_remove(store->dir, options->path);
	return rc;
}

const char *const *store_files(const char *path)
{
	const char *const *files = db_files(path);
	static const char *all[16];
	int n = 0;

	for (; files[n]; n++)
		all[n] = files[n];
	all[n++] = ".key";
	all[n] = NULL;
	return all;
}

bool store_is_on_server(const char *path)
{
	return db_is_server(path);
}

void store_each_needed(const char *path,
    void (*fn)(const char *file, int port, void *arg), void *arg)
{
	db_each_needed(path, fn, arg);
}

int store_locate(char **path)
{
	size_t most = db_path_max(*path);

	if (!db_is_server(*path) && path_absolute(path, "store"))
		return -1;
	if (strlen(*path) <= most)
		return db_check_path(*path) ? -1 : 0;
	report(LOG_ERR,
	    "store %s: %s: its path has %zu bytes, and a database's at most %zu",
	    *path, strerror(ENAMETOOLONG), strlen(*path), most);
	return -1;
}

void store_start(void)
{
	pki_start();
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
	if (options->timeout)
		db_wait_at_most(options->path, options->timeout);
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
	if (!store->read_only)
		rc = keeper_start(store);
	if (!rc && !store->read_only)
		rc = orders_start(store);
	if (rc)
		store_close(store);
	else
		*out = store;
	return rc;
}

/* Uses the open file: its name may have changed. */
void store_space(const struct store *store, struct statvfs *out)
{
	if (fstatvfs(store->held, out))
		*out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096};
}

const char *store_domain(const struct store *store)
{
	return store->domain;
}
