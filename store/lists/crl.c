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
#include "store/lists/render.h"
#include "store/objects/path.h"
#include "store/objects/signer.h"

/*
 * The revocation list of a signing certificate, and the index of all
 * certificates it issued. A revocation list is signed on access if it is stale,
 * and stored: a CRL number identifies one list forever.
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

static int read_state(struct store *store, int64_t cert, struct crl_state *out)
{
	struct db_conn *conn = db_reader(store->db);
	return db_one(conn, DB_CERT_LISTS, DB_ARGS(DB_INT(cert)),
	    read_state_row, out, -ESTALE);
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

/*
 * Collects the entries. RFC 5280 3.3: an entry stays until it has appeared on a
 * list issued after the certificate expired. For certificates that had expired
 * by then the last list did that, unless its thisUpdate is in the future.
 */
static int collect_entries(struct crl_signing *m)
{
	struct db_conn *conn = db_reader(m->store->db);
	int64_t seconds = m->now / CLOCK_SECOND;
	int64_t since = m->before.this_update < seconds ? m->before.this_update
							: seconds;
	return db_each(conn, DB_CRL_ENTRIES,
	    DB_ARGS(DB_INT(m->cert), DB_INT(since)), add_entry, &m->entries);
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
	return rc ? rc : db_submit(m->store->db, &list_job, m);
}

/* --- the pace --- */

static struct crl_pace *pace_of(struct store *store, int64_t cert)
{
	return &store->lists.crl[(uint64_t)cert % RENDER_LOCKS];
}

static void set_pace(
    struct store *store, int64_t cert, const struct list_pace *pace)
{
	pthread_mutex_lock(&store->lists.lock);
	*pace_of(store, cert) = (struct crl_pace){cert, *pace};
	pthread_mutex_unlock(&store->lists.lock);
}

/* Whether it is too early for another list. */
static bool is_early(struct store *store, int64_t cert)
{
	pthread_mutex_lock(&store->lists.lock);
	struct crl_pace last = *pace_of(store, cert);
	pthread_mutex_unlock(&store->lists.lock);
	int64_t until = list_served_until(&last.pace);

	if (until > last.pace.started + CRL_DELAY)
		until = last.pace.started + CRL_DELAY;
	return last.cert == cert && clock_ticks() < until;
}

/* Whether the newest list may be served although revocations are missing. */
static bool is_valid(const struct crl_state *l)
{
	return l->number && l->covers >= 0 && l->days == l->crl_days &&
	       !clock_past(l->next_update);
}

/* With the render lock held: signs a list unless another thread has done so. */
static int sign_if_stale(struct store *store, int64_t cert, struct crl_state *l)
{
	struct crl_signing m = {
	    .store = store, .cert = cert, .now = clock_now()};
	int rc = read_state(store, cert, l);

	if (rc || is_fresh(l, m.now / CLOCK_SECOND) || clock_past(l->not_after))
		return rc;
	m.before = *l;
	struct list_pace pace = list_pace_begin();
	rc = sign_list(&m);
	list_pace_end(&pace);
	set_pace(store, cert, &pace);
	bytes_free(&m.entries);
	bytes_free(&m.der);
	/* The new list cannot be stored: serve the last one if it is complete
	 * and not expired. */
	if ((rc == -ENOSPC || rc == -EIO || rc == -EBUSY) &&
	    l->covers == l->revoked && l->number && !clock_past(l->next_update))
		return 0;
	return rc ? rc : read_state(store, cert, l);
}

static int refresh_now(struct store *store, int64_t cert, struct crl_state *l)
{
	pthread_mutex_t *render_lock = snapshot_lock(store, cert);

	pthread_mutex_lock(render_lock);
	int rc = sign_if_stale(store, cert, l);
	pthread_mutex_unlock(render_lock);
	return rc;
}

/* Signs a new list if the last one is stale, unless the store is read-only or
 * the signing certificate has expired. With `look`, or while it is early for
 * another one, the last one stays if it is valid. */
static int refresh(
    struct store *store, int64_t cert, bool look, struct crl_state *l)
{
	int rc = read_state(store, cert, l);

	if (rc || store->read_only || is_fresh(l, clock_now() / CLOCK_SECOND) ||
	    clock_past(l->not_after))
		return rc;
	if (is_valid(l) && (look || is_early(store, cert)))
		return 0;
	return refresh_now(store, cert, l);
}

/* --- the files --- */

/* Argument of the render functions. */
struct list_request {
	int64_t cert;
	bool pem;
};

static int fill_crl(struct store *store, struct snapshot_writer *w, void *arg)
{
	const struct list_request *f = arg;
	CLEANUP_BYTES struct bytes der = {0}, pem = {0};
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(
	    conn, DB_CRL_GET, DB_ARGS(DB_INT(f->cert)), db_read_blob, &der);

	if (rc)
		return rc;
	if (!f->pem)
		return snapshot_add(w, der.data, der.len);
	rc = pki_pem(PKI_LABEL_CRL, der.data, der.len, &pem);
	return rc ? rc : snapshot_add(w, pem.data, pem.len);
}

/* Appends a time as in UTCTime until 2049, then as in GeneralizedTime. */
static int add_time(struct bytes *line, int64_t seconds)
{
	char text[CLOCK_TEXT];
	int rc = 0;

	clock_text(seconds, text);
	for (const char *p = text + (strcmp(text, "2050") < 0 ? 2 : 0);
	     *p && !rc; p++)
		if (!strchr("-:T", *p))
			rc = bytes_add(line, p, 1);
	return rc;
}

/* openssl-ca(1) refuses a database with other reasons. */
static bool known_to_openssl(int code)
{
	return code >= 0 && code <= 5;
}

/* Adds a line of the database of openssl-ca(1): status, expiry, revocation,
 * serial number, file name, subject. */
static int add_index_line(
    struct snapshot_writer *w, const struct db_row *row, const char *subject)
{
	CLEANUP_BYTES struct bytes line = {0};
	bool revoked = !db_is_null(row, 1);
	char serial[2 * PKI_SERIAL_MAX + 1], reason[32];
	size_t len;
	const void *number = db_blob(row, 3, &len);
	int rc = bytes_add(&line, revoked ? "R\t" : "V\t", 2);

	hex_text(number, len, serial);
	for (char *p = serial; *p; p++)
		if (*p >= 'a')
			*p -= 'a' - 'A';
	db_text(row, 2, reason, sizeof(reason));
	if (!rc)
		rc = add_time(&line, db_int(row, 0));
	if (!rc)
		rc = bytes_add(&line, "\t", 1);
	if (!rc && revoked)
		rc = add_time(&line, db_int(row, 1) / CLOCK_SECOND);
	if (!rc && revoked && known_to_openssl(pki_reason_code(reason)))
		rc = bytes_printf(&line, ",%s", reason);
	if (!rc)
		rc = bytes_printf(&line, "\t%s\tunknown\t%s\n", serial, subject);
	return rc ? rc : snapshot_add(w, line.data, line.len);
}

static int add_ca_line(const struct db_row *row, void *arg)
{
	CLEANUP_BYTES struct bytes subject = {0};
	size_t len;
	const void *der = db_blob(row, 4, &len);
	int rc = pki_cert_subject(der, len, true, &subject);

	return rc ? rc : add_index_line(arg, row, (char *)subject.data);
}

struct index_context {
	const struct store *store;
	struct snapshot_writer *w;
};

static int add_member_line(const struct db_row *row, void *arg)
{
	const struct index_context *context = arg;
	char text[STORE_PATH], subject[STORE_PATH + DOMAIN_MAX_LEN + 16];
	struct issued_names names;

	db_text(row, 4, text, sizeof(text));
	if (issued_names(text, &names))
		return -EIO;
	snprintf(subject, sizeof(subject), "/O=%s/OU=%s/CN=%s",
	    context->store->domain, names.group, names.member);
	return add_index_line(context->w, row, subject);
}

static int fill_index(struct store *store, struct snapshot_writer *w, void *arg)
{
	const struct list_request *f = arg;
	struct index_context context = {store, w};
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(
	    conn, DB_INDEX_CERTS, DB_ARGS(DB_INT(f->cert)), add_ca_line, w);

	if (!rc)
		rc = db_each(conn, DB_INDEX_MEMBERS, DB_ARGS(DB_INT(f->cert)),
		    add_member_line, &context);
	return rc;
}

int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out)
{
	struct list_request f = {
	    .cert = object->object.id, .pem = which == STORE_CRL_PEM};
	struct crl_state l = {0};
	int rc = 0;

	if (object->cert.pending)
		return 0;
	if (which == STORE_INDEX) {
		rc = read_state(store, f.cert, &l);
		return rc ? rc
			  : snapshot_get(store, which, f.cert,
				l.issued + l.revoked, l.counted, true,
				fill_index, &f, out);
	}
	rc = refresh(store, f.cert, look, &l);
	if (rc || !l.number || l.covers < 0)
		return rc;
	return snapshot_get(
	    store, which, f.cert, l.number, l.made, false, fill_crl, &f, out);
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
 * lifetime is half over at this second. */
static void each_stale(struct store *store, int64_t seconds,
    void (*fn)(struct store *store, int64_t cert, void *arg), void *arg)
{
	struct db_conn *conn = db_reader(store->db);
	struct stale_certs stale = {.store = store};
	int64_t after = 0;

	do {
		stale.count = 0;
		if (db_each(conn, DB_CERT_STALE,
			DB_ARGS(DB_INT(after), DB_INT(seconds)), read_stale,
			&stale))
			return;
		for (int i = 0; i < stale.count; i++) {
			after = stale.id[i];
			fn(store, after, arg);
		}
	} while (stale.count == STALE_MAX);
}

static void refresh_if_due(struct store *store, int64_t cert, void *arg)
{
	bool *again = arg;
	struct crl_state state;

	if (is_early(store, cert))
		*again = true;
	else
		refresh(store, cert, false, &state);
}

bool crl_refresh_all(struct store *store)
{
	bool again = false;

	each_stale(store, clock_now() / CLOCK_SECOND, refresh_if_due, &again);
	return again;
}

/* --- unmount --- */

static void sign_last(struct store *store, int64_t cert, void *arg)
{
	struct crl_state state;

	(void)arg;
	if (!store->read_only)
		refresh_now(store, cert, &state);
}

void lists_settle(struct store *store)
{
	each_stale(store, 0, sign_last, NULL);
}
