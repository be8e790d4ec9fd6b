/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/signer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/objects/kind.h"
#include "store/objects/shown.h"

struct step {
	struct bytes der, sealed, chain, cross;
	int64_t issuer;	  /* 0: this is the root */
	int64_t cross_by; /* 0: no older root vouches for it */
	int64_t crossed;
};

static void free_step(struct step *s)
{
	bytes_free(&s->der);
	bytes_free(&s->sealed);
	bytes_free(&s->chain);
	bytes_free(&s->cross);
}

static int read_step(const struct db_row *row, void *arg)
{
	struct step *s = arg;
	size_t len;
	const void *blob = db_blob(row, 0, &len);
	int rc = bytes_add(&s->der, blob, len);

	blob = db_blob(row, 2, &len);
	if (!rc && blob)
		rc = bytes_add(&s->sealed, blob, len);
	s->issuer = db_int(row, 3);
	blob = db_blob(row, 4, &len);
	if (!rc && blob)
		rc = bytes_add(&s->chain, blob, len);
	s->cross_by = db_int(row, 5);
	s->crossed = db_int(row, 7);
	blob = db_blob(row, 6, &len);
	return rc || !blob ? rc : bytes_add(&s->cross, blob, len);
}

static int read_cert(struct db_conn *conn, int64_t id, struct step *s)
{
	return db_one(
	    conn, DB_CERT_MATERIAL, DB_ARGS(DB_INT(id)), read_step, s, -ENOENT);
}

static int open_key(
    struct store *store, struct signer *signer, const struct step *s)
{
	CLEANUP_BYTES struct bytes key = {0};

	if (!s->sealed.len || signer->ca)
		return 0;
	int rc = pki_unseal(store->sealer, "cert", signer->id, s->sealed.data,
	    s->sealed.len, &key);
	if (!rc)
		rc = pki_ca_open(
		    s->der.data, s->der.len, key.data, key.len, &signer->ca);
	return rc;
}

/* Counts the path length of a certificate with so many below it. RFC 5280 6.1.4
 * (l), (m): every CA on the way uses up one. */
static int limit_path(
    struct signer *signer, const void *der, size_t len, int below)
{
	int path_length;
	int rc = pki_path_length(der, len, &path_length);

	if (!rc && path_length != PKI_NO_LIMIT &&
	    path_length - below < signer->path_left)
		signer->path_left = path_length - below;
	return rc;
}

/* Adds a certificate to the chain. The last one added is the root. */
static int add(const void *der, size_t len, void *arg)
{
	struct signer *signer = arg;
	int rc = limit_path(signer, der, len, signer->depth);

	signer->last = signer->chain.len;
	if (!rc)
		rc = pki_pem(PKI_LABEL_CERTIFICATE, der, len, &signer->chain);
	if (!rc)
		rc = pki_sha256(der, len, signer->root);
	if (rc)
		return rc;
	if (!signer->depth++)
		signer->above = signer->chain.len;
	return 0;
}

static int add_pem(const struct bytes *der, struct bytes *out)
{
	return pki_pem(PKI_LABEL_CERTIFICATE, der->data, der->len, out);
}

/* Makes the chain for clients of the root that vouches for this one. */
static int cross(
    struct signer *signer, const struct step *root, const struct bytes *old)
{
	struct bytes *out = &signer->crossed;
	const struct bytes *chain = &signer->chain;
	struct pki_cert_info info = {0};
	int rc = pki_cert_info(root->cross.data, root->cross.len, &info);

	signer->cross_ends = info.not_after;
	if (!rc)
		rc = limit_path(signer, root->cross.data, root->cross.len,
		    signer->depth - 1);
	if (!rc)
		rc = pki_sha256(old->data, old->len, signer->old_root);
	if (!rc)
		rc = bytes_add(out, chain->data, signer->last);
	if (!rc)
		rc = add_pem(&root->cross, out);
	if (!rc)
		rc = bytes_add(
		    out, chain->data + signer->last, chain->len - signer->last);
	return rc ? rc : add_pem(old, out);
}

static int add_cross(
    struct db_conn *conn, struct signer *signer, const struct step *root)
{
	struct step old = {0};
	int rc = 0;

	signer->crossed_at = root->crossed;
	if (root->cross_by)
		rc = read_cert(conn, root->cross_by, &old);
	if (root->cross_by && !rc)
		rc = cross(signer, root, &old.der);
	free_step(&old);
	return rc;
}

/* Adds one certificate of this store, and its issuers from outside. *next is
 * its issuer in this store, 0 for a root; *unread: the database failed, which
 * was logged. */
static int climb(struct store *store, struct db_conn *conn,
    struct signer *signer, int64_t at, int64_t *next, bool *unread)
{
	struct step s = {0};
	int rc = read_cert(conn, at, &s);

	*unread = rc && rc != -ENOENT;
	if (!rc)
		rc = add(s.der.data, s.der.len, signer);
	if (!rc && at == signer->id)
		rc = open_key(store, signer, &s);
	if (!rc)
		rc = pki_chain_each(s.chain.data, s.chain.len, add, signer);
	if (!rc && !s.issuer)
		rc = add_cross(conn, signer, &s);
	*next = s.issuer;
	free_step(&s);
	return rc;
}

static int load(struct store *store, int64_t cert, struct signer **out)
{
	struct db_conn *conn = db_reader(store->db);
	struct signer *signer = calloc(1, sizeof(*signer));
	int64_t at = cert;
	int rc = signer ? 0 : -ENOMEM;
	bool unread = false;

	if (signer) {
		signer->id = cert;
		signer->refs = 1;
		signer->path_left = PKI_NO_LIMIT;
	}
	while (!rc && at)
		rc = signer->depth < SIGNER_DEPTH
			 ? climb(store, conn, signer, at, &at, &unread)
			 : -EIO;
	if (rc == -ENOMEM) {
		signer_put(signer);
		return rc;
	}
	if (rc) {
		if (!unread)
			report(LOG_ERR,
			    "signing certificate %" PRId64
			    " cannot be used: its key or chain is damaged",
			    cert);
		signer_put(signer);
		return -EIO;
	}
	*out = signer;
	return 0;
}

void signer_put(struct signer *signer)
{
	if (!signer || __atomic_sub_fetch(&signer->refs, 1, __ATOMIC_ACQ_REL))
		return;
	pki_ca_free(signer->ca);
	bytes_free(&signer->chain);
	bytes_free(&signer->crossed);
	free(signer);
}

void signer_cleanup(struct signer **signer)
{
	signer_put(*signer);
}

bool signer_is_crossed(const struct signer *signer)
{
	return signer->crossed.len && !clock_past(signer->cross_ends);
}

const struct bytes *signer_chain(const struct signer *signer)
{
	return signer_is_crossed(signer) ? &signer->crossed : &signer->chain;
}

static struct signer **slot(struct store *store, int64_t cert)
{
	return &store->signers.slot[(uint64_t)cert % SIGNERS];
}

/* Puts a signer, or NULL, into its slot; the cache takes a reference of its
 * own. Does nothing if any signer was dropped since this one began to load: its
 * key may be the one that was replaced. */
static void put_in_slot(struct store *store, struct signer **at,
    struct signer *signer, unsigned int since)
{
	pthread_mutex_lock(&store->signers.lock);
	struct signer *old = NULL;
	if (since == store->signers.invalidated) {
		old = *at;
		*at = signer;
		if (signer)
			__atomic_add_fetch(&signer->refs, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&store->signers.lock);
	signer_put(old);
}

static void drop(struct store *store, struct signer **at)
{
	pthread_mutex_lock(&store->signers.lock);
	unsigned int since = ++store->signers.invalidated;
	pthread_mutex_unlock(&store->signers.lock);
	put_in_slot(store, at, NULL, since);
}

int signer_get(struct store *store, int64_t cert, struct signer **out)
{
	struct signer **at = slot(store, cert);

	pthread_mutex_lock(&store->signers.lock);
	struct signer *signer = *at && (*at)->id == cert ? *at : NULL;
	if (signer)
		__atomic_add_fetch(&signer->refs, 1, __ATOMIC_RELAXED);
	unsigned int since = store->signers.invalidated;
	pthread_mutex_unlock(&store->signers.lock);
	if (!signer) {
		int rc = load(store, cert, &signer);
		if (rc)
			return rc;
		put_in_slot(store, at, signer, since);
	}
	*out = signer;
	return 0;
}

void signer_forget(struct store *store, int64_t cert)
{
	drop(store, slot(store, cert));
}

void signer_forget_all(struct store *store)
{
	struct signer *old[SIGNERS];

	pthread_mutex_lock(&store->signers.lock);
	store->signers.invalidated++;
	memcpy(old, store->signers.slot, sizeof(old));
	memset(store->signers.slot, 0, sizeof(old));
	pthread_mutex_unlock(&store->signers.lock);
	for (int i = 0; i < SIGNERS; i++)
		signer_put(old[i]);
}

/* --- for jobs --- */

int signer_issued(struct db_conn *conn, int64_t cert, int64_t now)
{
	int rc = db_change(
	    conn, DB_CERT_ISSUED, DB_ARGS(DB_INT(cert), DB_INT(now)));

	return rc ? rc : shown_used(conn, STORE_CERT, cert, now);
}

int signer_issued_member(struct db_conn *conn, int64_t cert, int64_t before,
    int64_t issued, int64_t now)
{
	enum { COUNTED = 32 }; /* at once: see COUNTED_ID in db/query.c */
	int rc = before / COUNTED == issued / COUNTED
		     ? 0
		     : db_change(conn, DB_ISSUED_COUNT, DB_ARGS(DB_INT(issued)));

	return rc ? rc : shown_used(conn, STORE_CERT, cert, now);
}

int signer_resolve(const struct field_edit *e, int64_t *id)
{
	const char *name = e->edit->text;
	enum db_query query = e->edit->put_back ? DB_CERT_NAMED
						: DB_CERT_USABLE;
	int rc = db_one(
	    e->conn, query, DB_ARGS(DB_TEXT(name)), db_read_int, id, -ENOENT);

	if (rc == -ENOENT)
		return store_refuse(e->call, rc,
		    "there is no enabled signing certificate %s",
		    name_legal(name, strlen(name)) ? name : "of that name");
	return rc;
}
