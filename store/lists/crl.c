/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/crl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/backup/journal.h"
#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/columns.h"
#include "store/internal.h"
#include "store/lists/notice.h"
#include "store/lists/render.h"
#include "store/objects/path.h"
#include "store/objects/signer.h"

/*
 * The revocation list of a signing certificate. It is signed after revocations,
 * by the keeper's thread or on access, and stored: a CRL number identifies one
 * list forever. A list is the last one and what was revoked since: its entries
 * are read and encoded again only if that does not add up, or some have to go.
 */

/* --- state --- */

struct crl_state {
	/* the signing certificate */
	int64_t issued, revoked; /* certificates */
	int64_t counted;	 /* moment of the last change of either */
	int64_t not_after;	 /* seconds */
	int64_t crl_days;

	/* its newest list */
	int64_t number;			  /* 0: none yet */
	int64_t made;			  /* moment */
	int64_t this_update, next_update; /* seconds */
	int64_t days;			  /* crl_days when it was signed */
	int64_t covers; /* revocations in it; negative after a restore, which
			   has only its number */
};

static int read_state_row(const struct db_row *row, void *arg)
{
	struct crl_state *state = arg;
	int64_t *const field[] = {&state->issued, &state->revoked,
	    &state->counted, &state->not_after, &state->crl_days,
	    &state->number, &state->made, &state->this_update,
	    &state->next_update, &state->covers, &state->days};

	for (int i = 0; i < (int)(sizeof(field) / sizeof(field[0])); i++)
		*field[i] = db_int(row, i);
	return 1;
}

static int read_state(struct db_conn *conn, int64_t cert, struct crl_state *out)
{
	return db_one(conn, DB_CERT_LISTS, DB_ARGS(DB_INT(cert)),
	    read_state_row, out, -ESTALE);
}

/* A long list is stored with zeros behind it, up to a multiple of ROOM bytes:
 * SQLite overwrites a value of the same length in place, and writes only the
 * pages that differ, here the first and the last. */
enum { ROOM = 65536, ENTRY = 50 };

/* Makes room behind a list. Returns 0 or -ENOMEM. */
static int add_room(struct bytes *der)
{
	size_t len = der->len, more = (ROOM - len % ROOM) % ROOM;

	if (len < ROOM || !more)
		return 0;
	int rc = bytes_extend(der, more);
	if (!rc)
		memset(der->data + len, 0, more);
	return rc;
}

static int read_der(struct db_conn *conn, int64_t cert, struct bytes *out)
{
	int rc = db_each(
	    conn, DB_CRL_GET, DB_ARGS(DB_INT(cert)), db_read_blob, out);
	size_t len = rc ? 0 : pki_crl_len(out->data, out->len);

	if (len)
		out->len = len;
	return !rc && out->len && !len ? -EIO : rc;
}

static struct crl_last *last_of(struct store *store, int64_t cert)
{
	return &store->lists.crl[(uint64_t)cert % CRL_LASTS];
}

/* What is known of the certificate's last list; zeros: nothing. */
static struct crl_last get_last(struct store *store, int64_t cert)
{
	pthread_mutex_lock(&store->lists.lock);
	struct crl_last last = *last_of(store, cert);
	pthread_mutex_unlock(&store->lists.lock);
	return last.cert == cert ? last : (struct crl_last){.cert = cert};
}

static void set_last(struct store *store, const struct crl_last *last)
{
	pthread_mutex_lock(&store->lists.lock);
	*last_of(store, last->cert) = *last;
	pthread_mutex_unlock(&store->lists.lock);
}

/*
 * Whether the newest list may be served: it has all revocations, its lifetime
 * is the configured one and not half over. A thisUpdate in the future comes
 * from a wrong clock.
 */
static bool is_fresh(const struct crl_state *l, int64_t seconds)
{
	return l->number && l->covers == l->revoked && l->days == l->crl_days &&
	       seconds >= l->this_update - CERT_BACKDATE &&
	       seconds < l->this_update + (l->next_update - l->this_update) / 2;
}

/* --- signing --- */

struct crl_signing {
	struct store *store;
	int64_t cert;
	struct crl_state before; /* the state that the new list replaces */
	struct crl_last last;
	int64_t since;	     /* seconds: it has what expires then or later */
	bool extended;	     /* its entries begin with those of the last */
	struct bytes listed; /* ids of what was new to it */
	struct bytes entries, der;
	struct pki_crl crl;
	int64_t now; /* moment */
};

static int add_entry(const struct db_row *row, void *arg)
{
	char reason[32];
	size_t len;
	const void *serial = db_blob(row, 0, &len);

	db_text(row, 2, reason, sizeof(reason));
	int code = pki_reason_code(reason);
	return pki_crl_entry(serial, len, db_int(row, 1) / CLOCK_SECOND,
	    code > 0 ? code : 0, arg);
}

/* Appends entries for what has been revoked, of what jobs have noted, and its
 * id to m->listed. Returns their number or -errno. */
static int add_new(
    struct crl_signing *m, struct db_conn *conn, struct bytes *entries)
{
	CLEANUP_BYTES struct bytes noted = {0};
	int rc = notice_get_revoked(m->store, m->cert, &noted), added = 0;
	const int64_t *id = (const int64_t *)noted.data;

	for (size_t i = 0; i < noted.len / sizeof(*id) && !rc; i++) {
		size_t before = entries->len;
		rc = db_each(conn, DB_CRL_ENTRY, DB_ARGS(DB_INT(id[i])),
		    add_entry, entries);
		if (rc || entries->len == before)
			continue; /* its job is not committed, or has failed */
		rc = bytes_add(&m->listed, &id[i], sizeof(*id));
		added++;
	}
	return rc ? rc : added;
}

/* Whether the last list is known, and has no entry that has to go. */
static int may_extend(struct crl_signing *m, struct db_conn *conn)
{
	if (!m->before.number || m->last.number != m->before.number ||
	    m->before.covers < 0 || m->since < m->last.since)
		return 0;
	int rc = db_exists(conn, DB_CRL_EXPIRED,
	    DB_ARGS(DB_INT(m->cert), DB_INT(m->last.since), DB_INT(m->since)));
	return rc < 0 ? rc : !rc;
}

/* Collects the entries of the last list and the new ones. Returns 1, 0 (these
 * are not all that have been revoked) or -errno. */
static int extend_last(struct crl_signing *m, struct db_conn *conn)
{
	CLEANUP_BYTES struct bytes der = {0};
	int rc = may_extend(m, conn);

	if (rc <= 0)
		return rc;
	rc = read_der(conn, m->cert, &der);
	if (!rc)
		rc = pki_crl_entries(der.data, der.len, &m->entries);
	if (rc)
		return rc == -EBADMSG ? 0 : rc;
	rc = add_new(m, conn, &m->entries);
	m->extended = rc == m->before.revoked - m->before.covers;
	return rc < 0 ? rc : m->extended;
}

/* Collects all entries. */
static int read_all(struct crl_signing *m, struct db_conn *conn)
{
	CLEANUP_BYTES struct bytes there = {0};

	m->entries.len = m->listed.len = 0;
	int rc = db_each(conn, DB_CRL_ENTRIES,
	    DB_ARGS(DB_INT(m->cert), DB_INT(m->since)), add_entry, &m->entries);
	if (!rc)
		rc = add_new(m, conn, &there);
	return rc < 0 ? rc : 0;
}

/*
 * Collects the entries, and the state that they are of. RFC 5280 3.3: an entry
 * stays until it has appeared on a list issued after the certificate expired.
 * For certificates that had expired by then the last list did that, unless its
 * thisUpdate is in the future.
 */
static int collect_entries(struct crl_signing *m)
{
	struct db_conn *conn = db_view(m->store->db);
	int64_t seconds = m->now / CLOCK_SECOND;
	int rc = read_state(conn, m->cert, &m->before);

	m->since = m->before.this_update < seconds ? m->before.this_update
						   : seconds;
	if (!rc)
		rc = extend_last(m, conn);
	if (!rc)
		rc = read_all(m, conn);
	db_view_end(conn);
	return rc < 0 ? rc : 0;
}

/* The moment of the list, at least a second after the last one's: two contents
 * of a file never share a second. */
static int64_t content_moment(const struct crl_signing *m)
{
	int64_t last = m->before.made / CLOCK_SECOND;

	return m->now / CLOCK_SECOND > last ? m->now
					    : (last + 1) * CLOCK_SECOND;
}

/* Replaces the list that was read, but no newer one. */
static int keep_list(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct crl_signing *m = arg;

	(void)batch;
	return db_must_change(conn, DB_CRL_KEEP,
	    DB_ARGS(DB_INT(m->cert), DB_INT(m->crl.number),
		DB_INT(content_moment(m)), DB_INT(m->crl.this_update),
		DB_INT(m->crl.next_update), DB_INT(m->before.revoked),
		DB_INT(m->before.crl_days), DB_BLOB(m->der.data, m->der.len),
		DB_INT(m->before.number)),
	    -ESTALE);
}

static int record_list(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct crl_signing *m = arg;

	(void)batch;
	return journal_note(conn, DB_CRL, m->cert, content_moment(m));
}

static const struct db_job list_job = {keep_list, record_list};

static int sign_list(struct crl_signing *m)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	int64_t seconds = m->now / CLOCK_SECOND;
	int rc = signer_get(m->store, m->cert, &signer);

	if (!rc && !signer->ca)
		rc = -ESTALE; /* deleted since the state was read */
	if (!rc)
		rc = collect_entries(m);
	if (rc)
		return rc;
	/* RFC 5280 5.2.3: numbers increase. They start at the time, so that
	 * they also exceed those of an imported CA's earlier lists, and of this
	 * store after it was restored from an older copy. */
	m->crl.number = m->before.number >= seconds ? m->before.number + 1
						    : seconds;
	m->crl.this_update = seconds;
	m->crl.next_update = seconds + m->before.crl_days * SECONDS_PER_DAY;
	rc = pki_crl(signer->ca, &m->crl, &m->entries, &m->der);
	if (!rc)
		rc = add_room(&m->der);
	if (!rc)
		rc = db_submit(m->store->db, &list_job, m);
	return rc == -ETIMEDOUT ? -EIO : rc;
}

/* --- the pace --- */

/* Whether it is too early for another list. */
static bool is_early(struct store *store, int64_t cert)
{
	struct crl_last last = get_last(store, cert);
	int64_t until = list_served_until(&last.pace),
		most = last.pace.started + store->crl_delay;

	return last.pace.started &&
	       clock_ticks() < (until < most ? until : most);
}

static bool is_costly(struct store *store, int64_t cert)
{
	struct crl_last last = get_last(store, cert);

	return list_is_costly(&last.pace);
}

/* Whether the newest list may be served although revocations are missing. */
static bool is_valid(const struct crl_state *l)
{
	return l->number && l->covers >= 0 && l->days == l->crl_days &&
	       !clock_past(l->next_update);
}

/* How many bytes differ from what is stored, about. */
static size_t to_be_written(const struct crl_signing *m)
{
	return m->extended && m->der.len == m->last.stored
		   ? m->listed.len / sizeof(int64_t) * ENTRY
		   : m->der.len;
}

static void note_list(
    struct crl_signing *m, const struct list_pace *pace, int error)
{
	struct crl_last last = m->last;

	last.error = error;
	last.pace = *pace;
	list_pace_end(&last.pace, to_be_written(m), &m->last.pace);
	if (!error) {
		last.stored = m->der.len;
		last.number = m->crl.number;
		last.since = m->since;
		notice_listed(m->store, m->cert, &m->listed);
	}
	set_last(m->store, &last);
}

static int sign_and_note(
    struct store *store, int64_t cert, const struct crl_state *before)
{
	struct crl_signing m = {
	    .store = store,
	    .cert = cert,
	    .before = *before,
	    .last = get_last(store, cert),
	    .now = clock_now(),
	};
	struct list_pace pace = list_pace_begin();
	int rc = sign_list(&m);

	note_list(&m, &pace, rc);
	bytes_free(&m.listed);
	bytes_free(&m.entries);
	bytes_free(&m.der);
	return rc;
}

/* With the render lock held: signs a list unless another thread has done so. */
static int sign_if_stale(struct store *store, int64_t cert, struct crl_state *l)
{
	struct db_conn *conn = db_reader(store->db);
	int rc = read_state(conn, cert, l);

	if (rc || is_fresh(l, clock_now() / CLOCK_SECOND) ||
	    clock_past(l->not_after))
		return rc;
	rc = sign_and_note(store, cert, l);
	/* The new list cannot be stored: serve the last one if it is complete
	 * and not expired. */
	if ((rc == -ENOSPC || rc == -EIO || rc == -EBUSY) &&
	    l->covers == l->revoked && l->number && !clock_past(l->next_update))
		return 0;
	return rc ? rc : read_state(conn, cert, l);
}

/* Signs a new list if the last one is stale. `wait`: also if another thread is
 * at it. */
static int refresh_now(
    struct store *store, int64_t cert, bool wait, struct crl_state *l)
{
	pthread_mutex_t *render_lock = snapshot_lock(store, cert);

	if (pthread_mutex_trylock(render_lock)) {
		if (!wait)
			return 0;
		pthread_mutex_lock(render_lock);
	}
	int rc = sign_if_stale(store, cert, l);
	pthread_mutex_unlock(render_lock);
	return rc;
}

/*
 * Signs a new list if the last one is stale, unless the store is read-only or
 * the signing certificate has expired. If the last one is valid, it stays with
 * `look`, while it is early for another one, and while another thread signs a
 * costly one. With a crl_delay of 0 it stays with `look` only.
 */
static int refresh(
    struct store *store, int64_t cert, bool look, struct crl_state *l)
{
	int rc = read_state(db_reader(store->db), cert, l);

	if (rc || store->read_only || is_fresh(l, clock_now() / CLOCK_SECOND) ||
	    clock_past(l->not_after))
		return rc;
	if (!is_valid(l))
		return refresh_now(store, cert, true, l);
	if (look || is_early(store, cert))
		return 0;
	return refresh_now(
	    store, cert, !store->crl_delay || !is_costly(store, cert), l);
}

int crl_has(struct store *store, int64_t cert, int64_t revoked)
{
	struct crl_state l;
	int rc = read_state(db_reader(store->db), cert, &l);

	if (rc == -ESTALE || (!rc && clock_past(l.not_after)))
		return 1;
	if (!rc && l.number && l.covers >= revoked)
		return 1;
	return rc ? rc : get_last(store, cert).error;
}

/* --- the files --- */

static int fill_crl(struct store *store, struct snapshot_writer *w,
    enum store_list which, int64_t cert)
{
	CLEANUP_BYTES struct bytes der = {0}, pem = {0};
	int rc = read_der(db_reader(store->db), cert, &der);

	if (rc)
		return rc;
	if (which == STORE_CRL_DER)
		return snapshot_add(w, der.data, der.len);
	rc = pki_pem(PKI_LABEL_CRL, der.data, der.len, &pem);
	return rc ? rc : snapshot_add(w, pem.data, pem.len);
}

int list_crl(struct store *store, int64_t cert, enum store_list which,
    bool look, struct store_snapshot **out)
{
	struct crl_state l = {0};
	int rc = refresh(store, cert, look, &l);

	if (rc || !l.number || l.covers < 0)
		return rc;
	return snapshot_get(store, which, cert, l.number, l.made, fill_crl, out);
}

/* --- all of them --- */

enum { STALE_MAX = 64 };

struct stale_certs {
	const struct store *store;
	int64_t id[STALE_MAX];
	int count;
};

static int read_stale(const struct db_row *row, void *arg)
{
	struct stale_certs *stale = arg;
	char name[NAME_MAX_LEN + 1];
	int64_t missing = db_int(row, 2);

	db_text(row, 1, name, sizeof(name));
	if (stale->store->read_only && missing > 0)
		report(LOG_WARNING,
		    "certs/%s: its revocation list lacks %" PRId64
		    " that were revoked since; mount the store writable to have it signed",
		    name, missing);
	stale->id[stale->count++] = db_int(row, 0);
	return stale->count == STALE_MAX;
}

/* Calls fn for each certificate whose list lacks revocations, or whose list's
 * lifetime is half over at this second. Returns 0 or -errno. */
static int each_stale(struct store *store, int64_t seconds,
    void (*fn)(struct store *store, int64_t cert, void *arg), void *arg)
{
	struct db_conn *conn = db_reader(store->db);
	struct stale_certs stale = {.store = store};
	int64_t after = 0;
	int rc;

	do {
		stale.count = 0;
		rc = db_each(conn, DB_CERT_STALE,
		    DB_ARGS(DB_INT(after), DB_INT(seconds)), read_stale,
		    &stale);
		if (rc)
			return rc;
		for (int i = 0; i < stale.count; i++) {
			after = stale.id[i];
			fn(store, after, arg);
		}
	} while (stale.count == STALE_MAX);
	return 0;
}

/* After a failure. */
#define RETRY (10 * CLOCK_SECOND)

struct refreshing {
	bool hurry, again;
};

static void refresh_if_due(struct store *store, int64_t cert, void *arg)
{
	struct refreshing *r = arg;
	struct crl_last last = get_last(store, cert);
	bool failed = last.error && !r->hurry &&
		      clock_ticks() < last.pace.started + RETRY;
	struct crl_state state;

	if (failed || is_early(store, cert) ||
	    refresh(store, cert, false, &state) ||
	    (!is_fresh(&state, clock_now() / CLOCK_SECOND) &&
		!clock_past(state.not_after)))
		r->again = true;
}

bool crl_refresh_all(struct store *store, bool hurry)
{
	struct refreshing r = {.hurry = hurry};

	int rc = each_stale(
	    store, clock_now() / CLOCK_SECOND, refresh_if_due, &r);
	return r.again || rc;
}

/* --- unmount --- */

static void sign_last(struct store *store, int64_t cert, void *arg)
{
	struct crl_state state;

	(void)arg;
	if (!store->read_only)
		refresh_now(store, cert, true, &state);
}

void lists_settle(struct store *store)
{
	each_stale(store, 0, sign_last, NULL);
}
