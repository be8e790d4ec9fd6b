/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/authority.h"
#include "store/objects/before.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"

/*
 * A root that an older one vouches for (RFC 4158 1.5.2, a cross-certificate):
 * machines that know only the older one accept what stands below the new one.
 * The caller's thread signs, and the job that stores it looks again.
 */

struct crossing {
	struct store *store;
	struct store_call *call;
	const struct store_edit *edit;
	int64_t id;	      /* of the root */
	union store_any root; /* as read */
	union store_any old;  /* its id 0: none */
	struct bytes der;
};

static bool is_root(const union store_any *row)
{
	return !row->cert.pending && !row->cert.issuer && !row->cert.outside;
}

static int find_old(struct crossing *c)
{
	const char *name = c->edit->text;
	int rc = store_find(c->store, STORE_CERT, STORE_CERTS, name, &c->old);

	if (rc == -ENOENT ||
	    (!rc && (c->old.cert.pending || !c->old.cert.enabled)))
		return store_refuse(c->call, -ENOENT,
		    "there is no enabled signing certificate %s",
		    name_legal(name, strlen(name)) ? name : "of that name");
	if (!rc && !is_root(&c->old))
		return store_refuse(
		    c->call, -EINVAL, "%s is not a root of this store", name);
	return rc;
}

static int check_loop(struct db_conn *conn, const struct crossing *c)
{
	int rc = db_exists(conn, DB_CERT_CROSS_LOOP,
	    DB_ARGS(DB_INT(c->id), DB_INT(c->old.object.id)));

	return rc > 0 ? store_refuse(c->call, -EBUSY,
			    "%s is vouched for by this one, or is it",
			    c->old.object.name)
		      : rc;
}

static int check_dates(const struct crossing *c)
{
	const union store_any *expired = clock_past(c->old.cert.not_after)
					     ? &c->old
					 : clock_past(c->root.cert.not_after)
					     ? &c->root
					     : NULL;

	return expired ? store_refuse(c->call, -EKEYEXPIRED, "%s has expired",
			     expired->object.name)
		       : 0;
}

/* Sets the path length of what is signed: that of the root, within that of the
 * older one, which has to have room for it and for what stands below the
 * root. */
static int choose_path_length(struct crossing *c, const struct signer *root,
    const struct signer *old, int *path_length)
{
	int64_t below = 0;
	int rc = db_each(db_reader(c->store->db), DB_CERT_BELOW,
	    DB_ARGS(DB_INT(c->id)), db_read_int, &below);
	int most = old->path_left == PKI_NO_LIMIT ? PKI_NO_LIMIT
						  : old->path_left - 1;

	*path_length = root->path_left < most ? root->path_left : most;
	if (rc || below <= most)
		return rc;
	return store_refuse(c->call, -EINVAL,
	    "the path length of %s does not allow another root below it, with what stands below that",
	    c->old.object.name);
}

static int sign(struct crossing *c)
{
	CLEANUP_SIGNER struct signer *root = NULL, *old = NULL;
	char uri[CERT_URI];
	struct pki_new_ca want = {
	    .uri = cert_domain_uri(c->store, uri),
	    .not_before = clock_now() / CLOCK_SECOND - CERT_BACKDATE,
	    .not_after = c->root.cert.not_after < c->old.cert.not_after
			     ? c->root.cert.not_after
			     : c->old.cert.not_after,
	};
	int rc = signer_get(c->store, c->id, &root);

	if (!rc)
		rc = signer_get(c->store, c->old.object.id, &old);
	if (!rc)
		rc = choose_path_length(c, root, old, &want.path_length);
	if (!rc)
		rc = pki_serial(want.serial);
	bytes_free(&c->der);
	return rc ? rc : pki_ca_cross(&want, root->ca, old->ca, &c->der);
}

static int prepare(struct crossing *c)
{
	struct db_conn *conn = db_reader(c->store->db);
	int rc = object_get_writable(conn, c->call, STORE_CERT, c->id, &c->root);

	c->old.object.id = 0;
	if (rc || !c->edit->text[0] || strcmp(c->edit->text, "none") == 0)
		return rc;
	if (!is_root(&c->root))
		return store_refuse(c->call, -EINVAL,
		    "only a root of this store can have another vouch for it");
	rc = find_old(c);
	if (!rc)
		rc = check_loop(conn, c);
	if (!rc)
		rc = check_dates(c);
	return rc ? rc : sign(c);
}

static int note(struct db_conn *conn, const struct crossing *c, int64_t now)
{
	char object[STORE_PATH], path[STORE_PATH + 16];

	store_path(&c->root.object, object);
	snprintf(path, sizeof(path), "%s/cross", object);
	return audit_add(conn, c->call, now,
	    &(struct audit){.action = "set",
		.object = path,
		.name = "value",
		.value = c->old.object.id ? c->old.object.name : "none"});
}

static int change(struct db_conn *conn, const struct crossing *c, int64_t now)
{
	int64_t bit = (int64_t)c->edit->bit;

	return db_must_change(conn, DB_CERT_SET_CROSS,
	    DB_ARGS(DB_INT(c->id), DB_INT(bit), DB_INT(c->edit->bare ? bit : 0),
		DB_INT(now), DB_INT(c->call->uid), DB_INT(c->old.object.id),
		c->old.object.id ? DB_BLOB(c->der.data, c->der.len) : DB_NIL),
	    -ENOENT);
}

static int set_cross(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	struct crossing *c = arg;
	int64_t now = batch->now;
	int rc = object_get_writable(conn, c->call, STORE_CERT, c->id, &c->root);

	if (!rc)
		rc = before_check(c->store, c->edit, &c->root.object);
	if (!rc && c->old.object.id)
		rc = check_loop(conn, c);
	if (!rc)
		rc = shown_edited(conn, &c->root.object, true, now);
	if (!rc)
		rc = change(conn, c, now);
	if (rc == -ENOENT)
		return store_refuse(c->call, rc,
		    "there is no enabled signing certificate %s",
		    c->old.object.name);
	if (!rc)
		rc = db_change(conn, DB_CERT_CROSSED, DB_ARGS(DB_INT(c->id)));
	if (rc)
		return rc;
	before_note(c->store, c->edit, &c->root);
	return note(conn, c, now);
}

static const struct db_job cross_job = {.record = set_cross};

int store_cert_cross(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit)
{
	struct crossing c = {
	    .store = store, .call = call, .edit = edit, .id = object->id};
	int rc = prepare(&c);

	if (!rc)
		rc = store_submit(store, call, &cross_job, &c);
	if (!rc)
		signer_forget_all(store);
	bytes_free(&c.der);
	return rc;
}
