/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/internal.h"

/* What a new store begins with. */

struct fill {
	struct store *store;
	const char *store_id;
	int64_t now;
};

static int add_setting(struct db_conn *conn, const char *name, const void *value, size_t len)
{
	int rc = db_run(conn, DB_SETTING_ADD, DB_ARGS(DB_TEXT(name), DB_BLOB(value, len)));

	return rc < 0 ? rc : 0;
}

static int add_settings(struct db_conn *conn, const struct fill *f)
{
	CLEANUP_BYTES struct bytes check = {0};
	int rc = pki_seal(f->store->sealer, "check", 0, "enrollfs", 8, &check);

	if (!rc)
		rc = add_setting(conn, "seal_check", check.data, check.len);
	if (!rc)
		rc = add_setting(conn, "domain", f->store->domain, strlen(f->store->domain));
	if (!rc)
		rc = add_setting(conn, "store_id", f->store_id, strlen(f->store_id));
	/* what it is not is a store of version 0.1.0 */
	return rc ? rc : add_setting(conn, "audit_private", "\1", 1);
}

static int add_places(struct db_conn *conn, const struct fill *f)
{
	int rc = 0;

	for (int place = STORE_ROOT; place < STORE_PLACES && rc >= 0; place++)
		rc = db_run(conn, DB_PLACE_ADD,
			DB_ARGS(DB_INT(place), DB_INT(f->store->uid), DB_INT(f->store->gid),
				DB_INT(0755), DB_INT(f->now)));
	return rc < 0 ? rc : 0;
}

static int add_certs(struct db_conn *conn, const struct fill *f)
{
	static const char *const signers[] = {"connector", "service_edge"};
	struct store_call self = {.uid = f->store->uid};
	struct store_make make = {
		.store = f->store,
		.call = &self,
		.mode = 0755,
		.gid = f->store->gid,
		.now = f->now,
	};
	struct pki_ca *root = NULL;
	struct new_cert want = {
		.path_length = PKI_NO_LIMIT,
		.days = 10950,
		.not_after_limit = CLOCK_MAX,
	};
	int64_t root_id, id, limit;

	make.name = "root";
	int rc = cert_make_signed(&make, conn, &want, &root_id, &root, &limit);
	want.issuer = root_id;
	want.issuer_ca = root;
	want.not_after_limit = limit;
	want.path_length = 0;
	want.days = 5475;
	for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]) && !rc; i++) {
		make.name = signers[i];
		rc = cert_make_signed(&make, conn, &want, &id, NULL, &limit);
	}
	pki_ca_free(root);
	return rc;
}

static int fill_job(struct db_conn *conn, void *arg)
{
	const struct fill *f = arg;
	int rc = add_settings(conn, f);

	if (!rc)
		rc = add_places(conn, f);
	return rc ? rc : add_certs(conn, f);
}

int store_fill(struct store *store, const char *store_id)
{
	struct fill f = {store, store_id, clock_now()};

	store->audit_private = true;
	return db_submit(store->db, fill_job, &f);
}
