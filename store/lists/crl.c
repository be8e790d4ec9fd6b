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
 * What a signing certificate says of those it issued: its revocation list, and
 * the index of all of them. A list is signed when somebody looks at it and it
 * is not fresh; then it is kept, so that a number means one list for ever.
 */

/* --- what there is --- */

struct crl_state {
	int64_t issued, revoked; /* counters of the certificate */
	int64_t counted;	 /* when one of them last changed */
	int64_t not_after, crl_days;

	int64_t number; /* of the newest list; 0: there is none */
	int64_t made, this_update, next_update, days;
	int64_t covers; /* how many; below 0: after a restore, which has its
			   number alone */
};

static int read_state(const struct db_row *row, void *arg)
{
	struct crl_state *l = arg;
	int64_t *const field[] = {&l->issued, &l->revoked, &l->counted,
	    &l->not_after, &l->crl_days, &l->number, &l->made, &l->this_update,
	    &l->next_update, &l->covers, &l->days};

	for (int i = 0; i < (int)(sizeof(field) / sizeof(field[0])); i++)
		*field[i] = db_int(row, i);
	return 1;
}

static int look(struct store *store, int64_t cert, struct crl_state *out)
{
	struct db_conn *conn = db_reader(store->db);
	return db_one(conn, DB_CERT_LISTS, DB_ARGS(DB_INT(cert)), read_state,
	    out, -ESTALE);
}

/*
 * Nothing revoked since, made for as many days, and half of its time is still
 * to come. One from the future was made while the clock was wrong.
 */
static bool fresh(const struct crl_state *l, int64_t seconds)
{
	return l->number && l->covers == l->revoked && l->days == l->crl_days &&
	       seconds >= l->this_update - CERT_BACKDATE &&
	       seconds < l->this_update + (l->next_update - l->this_update) / 2;
}

/* --- signing one --- */

struct signing {
	struct store *store;
	int64_t cert;
	struct crl_state before;
	struct bytes entries, der;
	struct pki_crl crl;
	int64_t now;
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
 * RFC 5280 3.3: one that has expired stays until it was on a list issued after
 * that. The list before this one was such a list for all that had expired by
 * then, unless it is from the future.
 */
static int collect(struct signing *m)
{
	struct db_conn *conn = db_reader(m->store->db);
	int64_t seconds = m->now / CLOCK_SECOND;
	int64_t since = m->before.this_update < seconds ? m->before.this_update
							: seconds;
	return db_each(conn, DB_CRL_ENTRIES,
	    DB_ARGS(DB_INT(m->cert), DB_INT(since)), add_entry, &m->entries);
}

/* Its files show another second than those of the list before. */
static int64_t moment_of(const struct signing *m)
{
	int64_t last = m->before.made / CLOCK_SECOND;

	return m->now / CLOCK_SECOND > last ? m->now
					    : (last + 1) * CLOCK_SECOND;
}

static int keep_job(struct db_conn *conn, void *arg)
{
	const struct signing *m = arg;
	int64_t moment = moment_of(m);
	int rc = db_must_change(conn, DB_CRL_KEEP,
	    DB_ARGS(DB_INT(m->cert), DB_INT(m->crl.number), DB_INT(moment),
		DB_INT(m->crl.this_update), DB_INT(m->crl.next_update),
		DB_INT(m->before.revoked), DB_INT(m->before.crl_days),
		DB_BLOB(m->der.data, m->der.len), DB_INT(m->before.number)),
	    -ESTALE);

	return rc ? rc : journal_note(conn, DB_CRL, m->cert, moment);
}

static int make(struct signing *m)
{
	CLEANUP_SIGNER struct signer *signer = NULL;
	int64_t seconds = m->now / CLOCK_SECOND;
	int rc = signer_get(m->store, m->cert, &signer);

	if (!rc && !signer->ca)
		rc = -ESTALE; /* removed meanwhile, and its key with it */
	if (!rc)
		rc = collect(m);
	if (rc)
		return rc;
	/* RFC 5280 5.2.3: it rises. Not from 1, so that it also does over a
	 * list from elsewhere or from a later copy of this store. */
	m->crl.number = m->before.number >= seconds ? m->before.number + 1
						    : seconds;
	m->crl.this_update = seconds;
	m->crl.next_update = seconds + m->before.crl_days * SECONDS_PER_DAY;
	rc = pki_crl(signer->ca, &m->crl, &m->entries, &m->der);
	return rc ? rc : db_submit(m->store->db, keep_job, m);
}

/* With `making` held: makes one unless somebody has meanwhile. */
static int make_if_needed(struct store *store, int64_t cert, struct crl_state *l)
{
	struct signing m = {.store = store, .cert = cert, .now = clock_now()};
	int rc = look(store, cert, l);

	if (rc || fresh(l, m.now / CLOCK_SECOND))
		return rc;
	m.before = *l;
	rc = make(&m);
	bytes_free(&m.entries);
	bytes_free(&m.der);
	/* Where a new one cannot be kept, the present one does as long as it
	 * says everything. */
	if ((rc == -ENOSPC || rc == -EIO || rc == -EBUSY) &&
	    l->covers == l->revoked && l->number && !clock_past(l->next_update))
		return 0;
	return rc ? rc : look(store, cert, l);
}

/* Makes the newest list fresh, if that can be. */
static int refresh(struct store *store, int64_t cert, struct crl_state *l)
{
	int rc = look(store, cert, l);

	if (rc || store->read_only || fresh(l, clock_now() / CLOCK_SECOND) ||
	    clock_past(l->not_after))
		return rc;
	pthread_mutex_t *making = snapshot_lock(store, cert);
	pthread_mutex_lock(making);
	rc = make_if_needed(store, cert, l);
	pthread_mutex_unlock(making);
	return rc;
}

/* --- the files --- */

struct filling {
	int64_t cert;
	bool pem;
};

static int fill_crl(struct store *store, struct snapshot_writer *w, void *arg)
{
	const struct filling *f = arg;
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

/* As ASN.1 has it, without the century up to 2049. */
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

/* The reasons that openssl-ca(1) knows; it reads no others. */
static bool known_to_openssl(int code)
{
	return code >= 0 && code <= 5;
}

/* A line of the database of openssl-ca(1): status, expiry, revocation, serial,
 * file, subject. */
static int add_line(
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

	return rc ? rc : add_line(arg, row, (char *)subject.data);
}

struct indexing {
	const struct store *store;
	struct snapshot_writer *w;
};

static int add_member_line(const struct db_row *row, void *arg)
{
	const struct indexing *indexing = arg;
	char text[STORE_PATH], subject[STORE_PATH + DOMAIN_MAX_LEN + 16];
	struct issued_names names;

	db_text(row, 4, text, sizeof(text));
	if (issued_names(text, &names))
		return -EIO;
	snprintf(subject, sizeof(subject), "/O=%s/OU=%s/CN=%s",
	    indexing->store->domain, names.group, names.member);
	return add_line(indexing->w, row, subject);
}

static int fill_index(struct store *store, struct snapshot_writer *w, void *arg)
{
	const struct filling *f = arg;
	struct indexing indexing = {store, w};
	struct db_conn *conn = db_reader(store->db);
	int rc = db_each(
	    conn, DB_INDEX_CERTS, DB_ARGS(DB_INT(f->cert)), add_ca_line, w);

	if (!rc)
		rc = db_each(conn, DB_INDEX_MEMBERS, DB_ARGS(DB_INT(f->cert)),
		    add_member_line, &indexing);
	return rc;
}

int list_of_cert(struct store *store, const union store_any *object,
    enum store_list which, struct store_snapshot **out)
{
	struct filling f = {
	    .cert = object->object.id, .pem = which == STORE_CRL_PEM};
	struct crl_state l = {0};
	int rc = 0;

	if (object->cert.pending)
		return 0;
	if (which == STORE_INDEX) {
		rc = look(store, f.cert, &l);
		return rc ? rc
			  : snapshot_get(store, which, f.cert,
				l.issued + l.revoked, l.counted, fill_index, &f,
				out);
	}
	rc = refresh(store, f.cert, &l);
	if (rc || !l.number || l.covers < 0)
		return rc;
	return snapshot_get(
	    store, which, f.cert, l.number, l.made, fill_crl, &f, out);
}

/* --- at the end --- */

enum { STALE_MAX = 64 };

struct stale {
	const struct store *store;
	int64_t id[STALE_MAX];
	int count;
};

static int read_stale(const struct db_row *row, void *arg)
{
	struct stale *stale = arg;
	char name[NAME_MAX_LEN + 1];

	db_text(row, 1, name, sizeof(name));
	if (stale->store->read_only)
		report(LOG_WARNING,
		    "certs/%s: its revocation list lacks %" PRId64
		    " that were revoked since; mount the store writable to have it signed",
		    name, db_int(row, 2));
	stale->id[stale->count++] = db_int(row, 0);
	return stale->count == STALE_MAX;
}

void lists_settle(struct store *store)
{
	struct db_conn *conn = db_reader(store->db);
	struct stale stale = {.store = store};
	struct crl_state state;
	int64_t after = 0;

	do {
		stale.count = 0;
		if (db_each(conn, DB_CERT_STALE, DB_ARGS(DB_INT(after)),
			read_stale, &stale))
			return;
		for (int i = 0; i < stale.count; i++) {
			after = stale.id[i];
			if (!store->read_only)
				refresh(store, after, &state);
		}
	} while (stale.count == STALE_MAX);
}
