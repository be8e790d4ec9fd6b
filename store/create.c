/* SPDX-License-Identifier: Apache-2.0 */
#include "store/create.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/objects/authority.h"
#include "store/objects/kind.h"
#include "store/objects/shown.h"
#include "store/open.h"

/* Creates a store with its first certificates, under another name; it is
 * renamed once it is complete and closed. A crash leaves nothing that could be
 * taken for a store. */

struct fill {
	struct store *store;
	const char *store_id;
};

static int add_setting(
    struct db_conn *conn, const char *name, const void *value, size_t len)
{
	return db_change(
	    conn, DB_SETTING_ADD, DB_ARGS(DB_TEXT(name), DB_BLOB(value, len)));
}

static int add_settings(struct db_conn *conn, const struct fill *f)
{
	CLEANUP_BYTES struct bytes check = {0};
	int rc = pki_seal(f->store->sealer, "check", 0, "enrollfs", 8, &check);

	if (!rc)
		rc = add_setting(conn, STORE_SEAL_CHECK, check.data, check.len);
	if (!rc)
		rc = add_setting(
		    conn, "domain", f->store->domain, strlen(f->store->domain));
	if (!rc)
		rc = add_setting(
		    conn, "store_id", f->store_id, strlen(f->store_id));
	/* missing only in stores of version 0.1.0 */
	return rc ? rc : add_setting(conn, "audit_private", "\1", 1);
}

static int add_places(
    struct db_conn *conn, const struct db_batch *batch, const struct fill *f)
{
	int rc = 0;

	for (int place = STORE_ROOT; place < STORE_PLACES && !rc; place++)
		rc = db_change(conn, DB_PLACE_ADD,
		    DB_ARGS(DB_INT(place), DB_INT(f->store->uid),
			DB_INT(f->store->gid), DB_INT(0755),
			DB_INT(batch->now)));
	return rc;
}

static int add_certs(
    struct db_conn *conn, struct db_batch *batch, const struct fill *f)
{
	static const char *const signers[] = {"connector", "service_edge"};
	struct store_call self = {.uid = f->store->uid};
	struct store_make make = {
	    .store = f->store,
	    .call = &self,
	    .mode = 0755,
	    .gid = f->store->gid,
	    .now = batch->now,
	};
	struct pki_ca *root = NULL;
	struct new_cert want = {
	    .path_length = PKI_NO_LIMIT,
	    .days = 10950,
	    .not_after_limit = CLOCK_MAX,
	};
	int64_t limit;

	make.name = "root";
	int rc = cert_make_signed(conn, batch, &make, &want, &root, &limit);
	want.issuer = make.id;
	want.issuer_ca = root;
	want.not_after_limit = limit;
	want.path_length = 0;
	want.days = 5475;
	for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]) && !rc;
	     i++) {
		make.name = signers[i];
		rc = cert_make_signed(conn, batch, &make, &want, NULL, &limit);
	}
	pki_ca_free(root);
	return rc;
}

static int fill_in(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct fill *f = arg;
	int rc = add_settings(conn, f);

	if (!rc)
		rc = add_places(conn, batch, f);
	return rc ? rc : add_certs(conn, batch, f);
}

static const struct db_job fill_job = {.record = fill_in};

/* The default domain is the host name, without asking a resolver. */
static int host_domain(char out[DOMAIN_MAX_LEN + 1])
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strlen(host) > DOMAIN_MAX_LEN || !domain_legal(host)) {
		report(LOG_ERR,
		    "the host's name, %s, cannot be the domain: give -o domain=NAME (mkfs.enrollfs --domain NAME), a lower-case DNS name of at most %d bytes",
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

/* The master key is made first: a crash may leave a key without a store, but
 * never a store without its key. */
static int fill(struct store *store, const struct store_options *options)
{
	unsigned char id[16];
	char store_id[2 * sizeof(id) + 1];
	int rc = pki_random(id, sizeof(id));

	if (rc)
		return rc;
	hex_text(id, sizeof(id), store_id);
	rc = store_open_sealer(store, options, true, store_id);
	struct fill f = {store, store_id};
	return rc ? rc : db_submit(store->db, &fill_job, &f);
}

int store_draft(struct store *store, const char *path, const char *suffix,
    char draft[PATH_MAX])
{
	if (snprintf(draft, PATH_MAX, "%s%s%s", path,
		db_is_server(path) ? "#" : "", suffix) >= PATH_MAX - 16) {
		*draft = '\0';
		return -ENAMETOOLONG;
	}
	if (db_remove(store->dir, draft)) {
		report(LOG_ERR, "%s: cannot be removed", draft);
		return -EIO;
	}
	int rc = db_open(store->dir, draft, DB_CREATE, &store->db);
	if (!rc)
		store_set_hooks(store);
	return rc;
}

int store_draft_done(
    struct store *store, const char *draft, const char *path, int rc)
{
	db_close(store->db);
	store->db = NULL;
	if (!rc)
		rc = db_publish(store->dir, draft, path);
	if (rc && *draft)
		db_remove(store->dir, draft);
	return rc;
}

int store_create(struct store *store, const struct store_options *options)
{
	char draft[PATH_MAX];

	int rc = db_check_missing(store->dir, options->path);

	if (!rc)
		rc = choose_domain(store, options->domain);
	if (rc)
		return rc;
	rc = store_draft(store, options->path, ".making", draft);
	if (!rc)
		rc = shown_open(store);
	if (!rc)
		rc = fill(store, options);
	rc = store_draft_done(store, draft, options->path, rc);
	pki_sealer_free(store->sealer);
	store->sealer = NULL;
	if (!rc)
		report(LOG_NOTICE,
		    "made the store %s for the domain %s (%s), which cannot be changed later",
		    options->path, store->domain,
		    options->domain ? "as asked for" : "this host's name");
	return rc;
}
