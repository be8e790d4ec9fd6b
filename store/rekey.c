/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/backup/anchor.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/master.h"
#include "store/objects/shown.h"
#include "store/open.h"

struct rekey {
	const struct store_options *options;
	char *new_path;
	unsigned char old[PKI_SECRET], new[PKI_SECRET];
	bool staged;

	/* of rekey_store */
	struct store *store; /* its sealer has the old key */
	struct pki_sealer *sealer;
};

/* --- the keys --- */

static int read_keys(struct rekey *r)
{
	const struct store_options *options = r->options;
	struct store_options other = {
	    .path = options->path, .master_key = r->new_path};
	int rc = master_key(options, false, r->old);

	return rc ? rc : master_key(&other, true, r->new);
}

static bool same_key(const struct rekey *r)
{
	return memcmp(r->old, r->new, PKI_SECRET) == 0;
}

int rekey_begin(const struct store_options *options, const char *new_key,
    struct rekey **out)
{
	struct rekey *r;

	if (!db_is_server(options->path) &&
	    db_is_missing(AT_FDCWD, options->path) > 0) {
		report(LOG_ERR, "store %s: %s", options->path, strerror(ENOENT));
		return -ENOENT;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->options = options;
	r->new_path = strdup(new_key);
	int rc = r->new_path ? read_keys(r) : -ENOMEM;
	if (rc)
		rekey_free(r);
	else
		*out = r;
	return rc;
}

bool rekey_needs_root(const struct rekey *r)
{
	uid_t owner;

	return !master_owner(r->options, &owner) && owner == 0;
}

int rekey_stage(struct rekey *r)
{
	if (same_key(r)) {
		master_unstage(r->options); /* of a run that was killed */
		return 0;
	}
	int rc = master_stage(r->options, r->old, r->new);
	r->staged = !rc;
	return rc;
}

void rekey_unstage(struct rekey *r)
{
	if (r->staged)
		master_unstage(r->options);
	r->staged = false;
}

int rekey_finish(struct rekey *r)
{
	if (!r->staged)
		return 0;
	r->staged = false;
	return master_install(r->options, r->old);
}

void rekey_free(struct rekey *r)
{
	if (!r)
		return;
	rekey_unstage(r);
	pki_sealer_free(r->sealer);
	free(r->new_path);
	explicit_bzero(r->old, sizeof(r->old));
	explicit_bzero(r->new, sizeof(r->new));
	free(r);
}

/* --- sealing again --- */

/* Everything that the master key seals, but for settings. */
static const struct sealed {
	const char *kind; /* as pki_seal has it */
	enum db_query ids, get, set;
} sealed[] = {
    {"cert", DB_CERTS_SEALED, DB_CERT_SEALED, DB_CERT_RESEAL},
    {"key", DB_KEYS_SEALED, DB_KEY_SEALED, DB_KEY_RESEAL},
};

static int add_id(const struct db_row *row, void *arg)
{
	int64_t id = db_int(row, 0);

	return bytes_add(arg, &id, sizeof(id));
}

struct value {
	struct bytes sealed;
	char name[STORE_PATH];
};

static int read_value(const struct db_row *row, void *arg)
{
	struct value *value = arg;

	db_text(row, 1, value->name, sizeof(value->name));
	return db_read_blob(row, &value->sealed);
}

static int reseal(struct rekey *r, struct db_conn *conn,
    const struct sealed *what, int64_t id)
{
	CLEANUP_BYTES struct bytes plain = {0}, box = {0};
	struct value value = {0};
	int rc = db_one(
	    conn, what->get, DB_ARGS(DB_INT(id)), read_value, &value, -EIO);

	if (rc >= 0)
		rc = pki_unseal(r->store->sealer, what->kind, id,
		    value.sealed.data, value.sealed.len, &plain);
	if (rc == -EBADMSG)
		report(LOG_ERR,
		    "%s: its secret does not open: nothing was changed",
		    value.name);
	bytes_free(&value.sealed);
	if (!rc)
		rc = pki_seal(
		    r->sealer, what->kind, id, plain.data, plain.len, &box);
	return rc ? rc
		  : db_must_change(conn, what->set,
			DB_ARGS(DB_INT(id), DB_BLOB(box.data, box.len)), -EIO);
}

static int reseal_each(
    struct rekey *r, struct db_conn *conn, const struct sealed *what)
{
	CLEANUP_BYTES struct bytes ids = {0};
	int rc = db_each(conn, what->ids, NULL, add_id, &ids);
	const int64_t *id = (const int64_t *)ids.data;

	for (size_t i = 0; i < ids.len / sizeof(*id) && !rc; i++)
		rc = reseal(r, conn, what, id[i]);
	return rc;
}

static int seal_setting(struct db_conn *conn, const struct pki_sealer *sealer,
    const char *name, const char *kind, const char *text)
{
	CLEANUP_BYTES struct bytes box = {0};
	int rc = pki_seal(sealer, kind, 0, text, strlen(text), &box);

	return rc ? rc
		  : db_change(conn, DB_SETTING_SET,
			DB_ARGS(DB_TEXT(name), DB_BLOB(box.data, box.len)));
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Every exported file has another MAC, and so a later version and a later time
 * than it had. Those of the trail have no version: nothing shows an earlier
 * second than this from here on. */
static int raise_versions(struct rekey *r, struct db_conn *conn, int64_t now)
{
	static const enum db_query raise[] = {DB_PLACES_RAISE_ALL,
	    DB_CERTS_RAISE_ALL, DB_GROUPS_RAISE_ALL, DB_KEYS_RAISE_ALL};
	int64_t second = later(now / CLOCK_SECOND, r->store->shown.latest) + 1;
	char text[24];
	int rc = 0, n = snprintf(text, sizeof(text), "%" PRId64, second);

	for (size_t i = 0; i < sizeof(raise) / sizeof(raise[0]) && !rc; i++)
		rc = db_change(conn, raise[i], DB_ARGS(DB_INT(second * 1024)));
	if (!rc)
		rc = db_change(conn, DB_SETTING_SET,
		    DB_ARGS(DB_TEXT("shown_floor"), DB_BLOB(text, (size_t)n)));
	return rc ? rc
		  : db_change(conn, DB_SETTING_SET,
			DB_ARGS(DB_TEXT("rekeyed"), DB_BLOB(text, (size_t)n)));
}

/* For who opens the store with the old key: what puts the new one in place. */
static int seal_command(struct rekey *r, struct db_conn *conn)
{
	CLEANUP_BYTES struct bytes text = {0};
	const char *key = r->options->master_key;
	int rc = bytes_printf(&text, "rekey.enrollfs%s%s %s %s",
	    key ? " --master-key " : "", key ? key : "", r->options->path,
	    r->new_path);

	if (!rc)
		rc = bytes_add(&text, "", 1);
	return rc ? rc
		  : seal_setting(conn, r->store->sealer, STORE_SEAL_BEFORE,
			"before", (char *)text.data);
}

static int note(struct rekey *r, struct db_conn *conn, int64_t now)
{
	const struct store_call call = {.uid = r->options->uid,
	    .gid = r->options->gid,
	    .pid = getpid(),
	    .comm = "rekey.enrollfs"};

	return audit_add(conn, &call, now,
	    &(struct audit){.action = "rekey", .object = r->options->path});
}

/* Where the trail begins behind a trim, with the MAC of the new key. */
static int reseal_anchor(struct rekey *r, struct db_conn *conn)
{
	struct store *store = r->store;
	struct pki_sealer *old = store->sealer;
	struct anchor anchor;
	int rc = anchor_read(conn, store, &anchor);

	if (rc == -EBADMSG)
		report(LOG_ERR,
		    "store %s: where its trail begins was changed: fsck.enrollfs says more",
		    r->options->path);
	if (rc || !anchor.records)
		return rc;
	store->sealer = r->sealer;
	rc = anchor_write(conn, store, &anchor);
	store->sealer = old;
	return rc;
}

static int reseal_all(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct rekey *r = arg;
	int rc = 0;

	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]) && !rc; i++)
		rc = reseal_each(r, conn, &sealed[i]);
	if (!rc)
		rc = seal_setting(
		    conn, r->sealer, STORE_SEAL_CHECK, "check", "enrollfs");
	if (!rc)
		rc = reseal_anchor(r, conn);
	if (!rc)
		rc = seal_command(r, conn);
	if (!rc)
		rc = raise_versions(r, conn, batch->now);
	return rc ? rc : note(r, conn, batch->now);
}

static const struct db_job reseal_job = {.record = reseal_all};

/* --- the store --- */

enum { DRAFTS = 2 };

static int name_draft(const char *path, const char *suffix, char draft[PATH_MAX])
{
	return snprintf(draft, PATH_MAX, "%s%s", path, suffix) < PATH_MAX
		   ? 0
		   : -ENAMETOOLONG;
}

/* Copies the store's database to a draft, and opens that in its place. */
static int move_to(struct store *store, const char *draft)
{
	int rc = db_remove(store->dir, draft); /* of a run that was killed */

	if (!rc)
		rc = db_copy(store->db, draft);
	db_close(store->db);
	store->db = NULL;
	if (!rc)
		rc = db_open(store->dir, draft, DB_ACCEPT_OLDER, &store->db);
	if (!rc)
		store_set_hooks(store);
	return rc;
}

/* The old ciphertexts may be left in pages of the first copy, but not in those
 * of a copy of that. */
static int reseal_copy(struct rekey *r, char draft[DRAFTS][PATH_MAX])
{
	struct store *store = r->store;
	int rc = move_to(store, draft[0]);

	if (!rc)
		rc = db_submit(store->db, &reseal_job, r);
	if (!rc)
		rc = move_to(store, draft[1]);
	db_close(store->db);
	store->db = NULL;
	db_remove(store->dir, draft[0]);
	return rc ? rc : db_replace(store->dir, draft[1], r->options->path);
}

static int reseal_file(struct rekey *r)
{
	static const char *const suffix[DRAFTS] = {".rekeying", ".rekeyed"};
	char draft[DRAFTS][PATH_MAX];
	int rc = 0;

	for (int i = 0; i < DRAFTS && !rc; i++)
		rc = name_draft(r->options->path, suffix[i], draft[i]);
	if (rc)
		return rc;
	rc = reseal_copy(r, draft);
	if (rc)
		for (int i = 0; i < DRAFTS; i++)
			db_remove(r->store->dir, draft[i]);
	return rc;
}

/* Returns 1 if the sealer's key opens the setting, 0 or -errno. */
static int opens(struct rekey *r, const char *name, const char *kind)
{
	CLEANUP_BYTES struct bytes plain = {0};
	int rc = store_unseal_setting(r->store, r->sealer, name, kind, &plain);

	return rc == -EBADMSG || rc == -ENOENT ? 0 : rc ? rc : 1;
}

/* Returns 1 if the store has the new key already, 0, or -errno. */
static int try_keys(struct rekey *r)
{
	struct store *store = r->store;
	int rc = pki_sealer_new(r->new, store->id, &r->sealer);

	if (!rc)
		rc = opens(r, STORE_SEAL_CHECK, "check");
	if (rc)
		return rc;
	rc = pki_sealer_new(r->old, store->id, &store->sealer);
	if (!rc)
		rc = store_check_master(store, r->options);
	if (!rc)
		rc = opens(r, STORE_SEAL_BEFORE, "before");
	if (rc <= 0)
		return rc;
	report(LOG_ERR,
	    "master key %s: is the one that this store had before: a new one is wanted",
	    r->new_path);
	return -EINVAL;
}

static int open_store(struct rekey *r)
{
	const struct store_options *options = r->options;
	int rc = store_lock(r->store, options);

	if (!rc)
		rc = store_open_database(r->store, options);
	if (!rc)
		rc = shown_open(r->store);
	return rc ? rc : store_read_identity(r->store, options);
}

int rekey_store(struct rekey *r)
{
	const char *path = r->options->path;
	bool server = db_is_server(path);
	int rc = store_new(r->options, &r->store);

	if (rc)
		return rc;
	rc = open_store(r);
	if (!rc)
		rc = try_keys(r);
	if (rc > 0)
		report(
		    LOG_NOTICE, "store %s: has this master key already", path);
	else if (!rc)
		rc = server ? db_submit(r->store->db, &reseal_job, r)
			    : reseal_file(r);
	store_close(r->store);
	r->store = NULL;
	return rc < 0 ? rc : 0;
}
