/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/approval.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/approval.h"
#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/object.h"
#include "store/objects/shown.h"
#include "store/objects/waiting.h"

/*
 * A request that waits is a row, and nothing else: no use is spent and no name
 * taken before it is approved. It outlives `approval`: switching that off
 * approves nothing.
 */

/* --- looking for it --- */

/* A request with the public key, as stored. */
struct found {
	const struct pki_csr *csr;
	int64_t id, key;
	bool rejected, same; /* same: it is this CSR */
	char member[NAME_MAX_LEN + 1];
};

static int read_found(const struct db_row *row, void *arg)
{
	struct found *f = arg;
	size_t len, csr_len;
	const void *stored = db_blob(row, 4, &len),
		   *csr = pki_csr_der(f->csr, &csr_len);

	f->id = db_int(row, 0);
	f->key = db_int(row, 1);
	db_text(row, 2, f->member, sizeof(f->member));
	f->rejected = db_int(row, 3);
	f->same = len == csr_len && memcmp(stored, csr, len) == 0;
	return 1;
}

static int find(const struct enrolment *e, struct found *out)
{
	int64_t now = clock_now();

	return db_each(db_reader(e->i.store->db), DB_PENDING_KNOWN,
	    DB_ARGS(DB_BLOB(pki_csr_spki_hash(e->i.csr), PKI_HASH),
		DB_INT(pending_since(now)), DB_INT(e->key),
		DB_INT(rejected_since(now))),
	    read_found, out);
}

static int refuse_other(const struct enrolment *e, const struct found *f)
{
	if (f->key != e->key)
		return store_refuse(e->i.call, -EEXIST,
		    "this public key waits for approval with another provisioning key");
	if (!f->same)
		return store_refuse(e->i.call, -EEXIST,
		    "another request with this public key waits for approval; send that one again, or make a new key pair");
	if (e->requested_name && strcmp(e->requested_name, f->member) != 0)
		return store_refuse(e->i.call, -EEXIST,
		    "this request waits for approval as %s", f->member);
	return 0;
}

int approval_find(struct enrolment *e)
{
	struct found f = {.csr = e->i.csr};
	int rc = e->i.exact ? find(e, &f) : 0;

	e->pending = f.rejected ? 0 : f.id;
	if (rc || !e->i.exact)
		return rc;
	if (e->approves)
		return e->pending == e->approves
			   ? 0
			   : store_refuse(e->i.call, -ESTALE,
				 "the request waits no longer");
	if (f.rejected)
		return store_refuse(e->i.call, -EKEYREJECTED,
		    "a request with this public key has been rejected");
	return f.id ? refuse_other(e, &f) : 0;
}

/* --- waiting --- */

static int tell_code(const struct enrolment *e)
{
	char code[PENDING_CODE_FOURS + 1];

	pending_code_fours(pki_csr_spki_hash(e->i.csr), code);
	return store_refuse(e->i.call, -EINPROGRESS,
	    "waits for approval, with the code %s", code);
}

struct counts {
	int64_t key, user;
};

static int read_counts(const struct db_row *row, void *arg)
{
	*(struct counts *)arg = (struct counts){db_int(row, 0), db_int(row, 1)};
	return 1;
}

static int check_room(const struct enrolment *e)
{
	struct counts n = {0};
	int64_t left = e->max_uses - e->uses;
	int rc = db_each(db_reader(e->i.store->db), DB_PENDING_COUNTS,
	    DB_ARGS(DB_INT(e->key), DB_INT(e->i.call->uid),
		DB_INT(pending_since(clock_now()))),
	    read_counts, &n);

	if (rc)
		return rc;
	if (e->max_uses != STORE_UNLIMITED && n.key >= left)
		return store_refuse(e->i.call, -EDQUOT,
		    "as many requests wait for approval as the provisioning key has uses left: %" PRId64
		    "; raise max_uses",
		    left > 0 ? left : 0);
	if (n.key >= STORE_PENDING_KEY)
		return store_refuse(e->i.call, -ENOSPC,
		    "%d requests with this provisioning key wait for approval",
		    STORE_PENDING_KEY);
	if (n.user >= STORE_PENDING_USER)
		return store_refuse(e->i.call, -ENOSPC,
		    "%d requests of the uid %u wait for approval",
		    STORE_PENDING_USER, e->i.call->uid);
	return 0;
}

int approval_check(struct enrolment *e)
{
	if (e->approves)
		return 0;
	if (e->pending)
		return tell_code(e);
	if (!e->approval)
		return 0;
	if (!e->i.exact)
		return -EAGAIN;
	int rc = check_room(e);
	e->waits = !rc;
	return rc;
}

/* --- adding it --- */

/* The record that the journal gets next is that of the new row: its number is
 * the id, and never comes back. */
static int add_row(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct enrolment *e = arg;
	const unsigned char *hash = pki_csr_spki_hash(e->i.csr);
	int64_t now = batch->now;
	char code[PENDING_CODE + 1];
	size_t csr_len;
	const unsigned char *csr = pki_csr_der(e->i.csr, &csr_len);
	int rc;
	const struct journal_end *end = journal_end(conn, now, &rc);

	if (!end)
		return rc;
	pending_code(hash, code);
	return db_must_change(conn, DB_PENDING_ADD,
	    DB_ARGS(DB_INT(end->seq + 1), DB_TEXT(code), DB_INT(e->key),
		DB_TEXT(e->i.member), DB_BLOB(hash, PKI_HASH),
		DB_BLOB(csr, csr_len), DB_INT(now), DB_INT(e->i.call->uid),
		DB_TEXT("local"), DB_INT(pending_since(now)),
		DB_INT(rejected_since(now)), DB_INT(STORE_PENDING_KEY),
		DB_INT(STORE_PENDING_USER)),
	    -EAGAIN);
}

static void path_of(const struct enrolment *e, char out[STORE_PATH])
{
	struct store_object o = {
	    .kind = STORE_PENDING_REQUEST, .place = e->i.place};

	memcpy(o.group_name, e->i.group_name, sizeof(o.group_name));
	memcpy(o.key_name, e->key_name, sizeof(o.key_name));
	pending_code(pki_csr_spki_hash(e->i.csr), o.name);
	store_path(&o, out);
}

static int record_row(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct enrolment *e = arg;
	int64_t now = batch->now;
	char path[STORE_PATH];
	int rc = db_change(conn, DB_PENDING_PURGE,
	    DB_ARGS(DB_INT(pending_since(now)), DB_INT(rejected_since(now))));

	if (!rc)
		rc = db_change(conn, DB_PENDING_DROP_FILES, NULL);
	if (!rc)
		rc = shown_listed(conn, STORE_KEY, e->key, now);
	if (rc)
		return rc;
	path_of(e, path);
	return audit_add(conn, e->i.call, now,
	    &(struct audit){.action = "request",
		.object = path,
		.name = "member",
		.value = e->i.member});
}

static const struct db_job request_job = {add_row, record_row};

int approval_request(struct enrolment *e)
{
	int rc = store_submit(e->i.store, e->i.call, &request_job, e);

	return rc ? rc : tell_code(e);
}

int approval_done(struct db_conn *conn, const struct enrolment *e, int64_t now)
{
	int rc = db_must_change(conn, DB_PENDING_END,
	    DB_ARGS(DB_INT(e->approves), DB_INT(now), DB_INT(0), DB_BLOB("", 0)),
	    -ESTALE);

	if (!rc)
		rc = db_change(conn, DB_PENDING_DROP_FILES, NULL);
	return rc ? rc : shown_listed(conn, STORE_KEY, e->key, now);
}
