/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/backup/anchor.h"
#include "store/backup/export.h"
#include "store/backup/line.h"
#include "store/backup/record.h"
#include "store/base/clock.h"
#include "store/base/name.h"
#include "store/base/report.h"
#include "store/enroll/alt_name.h"
#include "store/enroll/limits.h"
#include "store/internal.h"
#include "store/objects/former.h"
#include "store/objects/path.h"
#include "store/objects/signer.h"
#include "store/objects/waiting.h"

/*
 * What has to hold in a store that nobody has open. What can be said in SQL is
 * a query whose rows are what is wrong; the rest opens what is sealed and
 * verifies what is signed.
 */

struct check {
	struct store *store;
	struct db_conn *conn;
	store_fault_fn found;
	void *arg;
	int faults;
	bool unreadable; /* a table is missing */
};

static int fault(struct check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Answers 0: the check goes on. */
static int fault(struct check *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->faults++;
	c->found(text, c->arg);
	return 0;
}

/* --- the database --- */

static int read_fault(const struct db_row *row, void *arg)
{
	char text[400];

	db_text(row, 0, text, sizeof(text));
	return fault(arg, "%s", text);
}

/* Columns of DB_CHECK_NAMES. */
static int check_name(const struct db_row *row, void *arg)
{
	char table[16];
	size_t len;
	const char *name = db_blob(row, 2, &len);

	if (name_legal(name, len))
		return 0;
	db_text(row, 0, table, sizeof(table));
	return fault(arg, "%s %" PRId64 ": is called %.*s", table,
	    db_int(row, 1), (int)len, name ? name : "");
}

static int file_fault(const char *what, void *arg)
{
	return fault(arg, "database: %s", what);
}

static int schema_fault(const char *what, void *arg)
{
	struct check *c = arg;

	fault(c, "database: the %s is missing or another one", what);
	if (strncmp(what, "table", 5) == 0 || strncmp(what, "view", 4) == 0)
		c->unreadable = true;
	return 0;
}

/* 1: the file is damaged or a table is missing, so that later checks would only
 * guess. */
static int check_database(struct check *c)
{
	int rc = db_check(c->conn, DB_CHECK_FILE, file_fault, c);

	if (rc || c->faults)
		return rc ? rc : 1;
	rc = db_check(c->conn, DB_CHECK_SCHEMA, schema_fault, c);
	return rc ? rc : c->unreadable;
}

static int check_former(
    struct db_conn *conn, const struct former *former, void *arg)
{
	int rc = former_has(conn, former);

	return rc ? rc < 0 ? rc : 0
		  : fault(arg,
			"certificate %" PRId64
			": the name %s in it would be given again",
			former->issued, former->name);
}

/* --- limits --- */

/* Columns of DB_CHECK_LIMITS. */
static int check_limits(const struct db_row *row, void *arg)
{
	static int (*const check[LIMITS])(const char *, char *) = {
	    [LIMIT_ALLOWED_NAMES] = allowed_names_check,
	    [LIMIT_MEMBER_NAMES] = allowed_members_check,
	    [LIMIT_VALIDITY] = allowed_validity_check,
	    [LIMIT_KEY_TYPES] = allowed_key_types_check,
	    [LIMIT_USAGES] = allowed_usages_check,
	};
	char name[STORE_PATH], text[STORE_LINES_MAX + 1], why[ALLOWED_WHY];
	int rc = 0;

	db_text(row, 0, name, sizeof(name));
	for (int i = 0; i < LIMITS && !rc; i++) {
		db_text(row, i + 1, text, sizeof(text));
		if (check[i](text, why))
			rc = fault(arg, "%s: a limit is damaged: %s", name, why);
	}
	return rc;
}

static int check_alt_name(struct db_conn *conn, const char *name,
    int64_t issued, int64_t until, void *arg)
{
	int rc = alt_name_has(conn, name, issued);

	if (rc || (!name && clock_past(until)))
		return rc < 0 ? rc : 0;
	return name ? fault(arg,
			  "certificate %" PRId64
			  ": the name %s in it would be given to others",
			  issued, name)
		    : fault(arg,
			  "certificate %" PRId64
			  ": the wider one before would stay valid",
			  issued);
}

static int check_rows(struct check *c)
{
	static const enum db_query queries[] = {DB_CHECK_USES, DB_CHECK_ISSUED,
	    DB_CHECK_REVOKED, DB_CHECK_FIRST, DB_CHECK_VALID, DB_CHECK_GROUPS,
	    DB_CHECK_FILE_OWNERS, DB_CHECK_OWNED, DB_CHECK_SECRETS,
	    DB_CHECK_PLACES, DB_CHECK_MEMBERS, DB_CHECK_PREVIOUS,
	    DB_CHECK_ORDERS, DB_CHECK_PENDING, DB_CHECK_JOURNAL};
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = db_check(c->conn, DB_CHECK_LINKS, file_fault, c);

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && !rc; i++)
		rc = db_each(c->conn, queries[i],
		    queries[i] == DB_CHECK_VALID ? DB_ARGS(DB_INT(seconds))
						 : NULL,
		    read_fault, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_NAMES, NULL, check_name, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_LIMITS, NULL, check_limits, c);
	if (!rc)
		rc = alt_name_each(c->conn, check_alt_name, c);
	return rc ? rc : former_each(c->conn, check_former, c);
}

/* --- signing certificates --- */

static bool fits_request(
    const struct db_row *row, const unsigned char spki_hash[PKI_HASH])
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	const char *reason;
	size_t len;
	const void *der = db_blob(row, 9, &len);

	return pki_csr_parse(der, len, &csr, &reason) == 0 &&
	       memcmp(pki_csr_spki_hash(csr), spki_hash, PKI_HASH) == 0;
}

/* What is written down of a signing certificate. */
static bool says_the_same(const struct db_row *row, const void *der, size_t len)
{
	CLEANUP_BYTES struct bytes subject = {0};
	struct pki_cert_info info;
	char want[STORE_SUBJECT_MAX + 1];
	size_t n;

	if (pki_cert_info(der, len, &info) ||
	    pki_cert_subject(der, len, false, &subject))
		return false;
	db_text(row, 8, want, sizeof(want));
	const void *serial = db_blob(row, 5, &n);
	return n == info.serial_len && memcmp(serial, info.serial, n) == 0 &&
	       db_int(row, 6) == info.not_before &&
	       db_int(row, 7) == info.not_after &&
	       strcmp((char *)subject.data, want) == 0;
}

static bool has_urls(const struct db_row *row, int column)
{
	char urls[STORE_LINES_MAX + 1];
	const char *reason;

	db_text(row, column, urls, sizeof(urls));
	return pki_urls(urls, &reason) == 0;
}

static int check_cert(const struct db_row *row, void *arg)
{
	struct check *c = arg;
	const char *reason = NULL;
	CLEANUP_BYTES struct bytes key = {0};
	CLEANUP_SIGNER struct signer *signer = NULL;
	struct pki_key_info info;
	char name[NAME_MAX_LEN + 1];
	size_t len, hash_len;
	int64_t id = db_int(row, 0);
	const void *sealed = db_blob(row, 2, &len),
		   *hash = db_blob(row, 3, &hash_len);

	db_text(row, 1, name, sizeof(name));
	if (!sealed ||
	    pki_unseal(c->store->sealer, "cert", id, sealed, len, &key))
		return fault(c, "certs/%s: its private key does not open", name);
	if (pki_key_describe(key.data, key.len, &info) ||
	    hash_len != PKI_HASH || memcmp(info.spki_hash, hash, PKI_HASH) != 0)
		return fault(
		    c, "certs/%s: its private key is another one", name);
	size_t der_len;
	const void *der = db_blob(row, 4, &der_len);
	if (!fits_request(row, info.spki_hash))
		return fault(c, "certs/%s: its request is another one", name);
	if (der_len == 0) /* it waits */
		return 0;
	if (signer_get(c->store, id, &signer) || !signer->ca)
		return fault(c,
		    "certs/%s: its certificate or chain does not fit its key",
		    name);
	if (!has_urls(row, 10) || !has_urls(row, 11))
		return fault(
		    c, "certs/%s: crl_url or issuer_url has no URLs", name);
	if (!says_the_same(row, der, der_len))
		return fault(c,
		    "certs/%s: its certificate says something else than its files",
		    name);
	int rc = pki_chain_check(signer->chain.data, signer->chain.len,
	    info.spki_hash, clock_now() / CLOCK_SECOND, &reason);
	if (rc && rc != -EKEYEXPIRED)
		return fault(c, "certs/%s: its chain: %s", name,
		    reason ? reason : strerror(-rc));
	return 0;
}

static int check_cross(const struct db_row *row, void *arg)
{
	char name[NAME_MAX_LEN + 1];
	size_t len, ca_len, old_len;
	const void *der = db_blob(row, 1, &len), *ca = db_blob(row, 2, &ca_len),
		   *old = db_blob(row, 3, &old_len);

	db_text(row, 0, name, sizeof(name));
	const char *wrong = !der   ? "is missing"
			    : !old ? "is of a root that is not here"
				   : pki_check_cross(
					 der, len, ca, ca_len, old, old_len);
	return wrong ? fault(arg, "certs/%s: what an older root has signed %s",
			   name, wrong)
		     : 0;
}

static int check_crl(const struct db_row *row, void *arg)
{
	struct check *c = arg;
	char name[NAME_MAX_LEN + 1];
	size_t len, ca_len;
	const void *der = db_blob(row, 1, &len), *ca = db_blob(row, 2, &ca_len);
	const struct pki_crl want = {
	    db_int(row, 3), db_int(row, 4), db_int(row, 5)};

	db_text(row, 0, name, sizeof(name));
	const char *wrong = pki_check_crl(der, len, ca, ca_len, &want);
	if (wrong)
		return fault(c, "certs/%s: its revocation list %s", name, wrong);
	if (db_int(row, 6) > db_int(row, 7))
		return fault(c,
		    "certs/%s: its revocation list covers more than was revoked",
		    name);
	return 0;
}

/* --- provisioning keys --- */

static int check_key(const struct db_row *row, void *arg)
{
	struct check *c = arg;
	CLEANUP_BYTES struct bytes secret = {0};
	unsigned char hash[PKI_HASH];
	char name[STORE_PATH];
	size_t len, hash_len;
	const void *sealed = db_blob(row, 2, &len),
		   *want = db_blob(row, 3, &hash_len);

	db_text(row, 1, name, sizeof(name));
	if (!want || hash_len != PKI_HASH)
		return fault(c, "%s: the hash of its secret is missing", name);
	if (!sealed) /* not exportable */
		return 0;
	if (pki_unseal(
		c->store->sealer, "key", db_int(row, 0), sealed, len, &secret))
		return fault(c, "%s: its secret does not open", name);
	if (pki_sha256(secret.data, secret.len, hash) ||
	    memcmp(hash, want, PKI_HASH) != 0)
		return fault(c, "%s: its secret is another one", name);
	return 0;
}

/* --- issued certificates --- */

static int check_issued(const struct db_row *row, void *arg)
{
	struct check *c = arg;
	char name[STORE_PATH], text[STORE_PATH],
	    uri[STORE_PATH + DOMAIN_MAX_LEN + 16] = "",
					      dns[PKI_HASH + DOMAIN_MAX_LEN +
						  2] = "";
	struct issued_names names;
	size_t der_len, csr_len, ca_len, serial_len, hash_len;
	const void *der = db_blob(row, 2, &der_len),
		   *csr = db_blob(row, 3, &csr_len);
	const void *ca = db_blob(row, 4, &ca_len),
		   *serial = db_blob(row, 5, &serial_len);
	const void *hash = db_blob(row, 6, &hash_len);

	db_text(row, 1, name, sizeof(name));
	db_text(row, 9, text, sizeof(text));
	if (!issued_names(text, &names))
		snprintf(uri, sizeof(uri), "spiffe://%s/%s/%s/%s",
		    c->store->domain, store_place_name(names.place),
		    names.group, names.member);
	if (hash_len == PKI_HASH / 2) {
		hex_text(hash, hash_len, dns);
		snprintf(dns + PKI_HASH, sizeof(dns) - PKI_HASH, ".%s",
		    c->store->domain);
	}
	struct pki_expected want = {
	    .serial = serial,
	    .serial_len = serial_len,
	    .spki_hash = hash_len == PKI_HASH / 2 ? hash : NULL,
	    .spki_hash_len = hash_len,
	    .not_before = db_int(row, 7),
	    .not_after = db_int(row, 8),
	    .uri = uri,
	    .dns = dns,
	};
	const char *wrong = pki_check_issued(
	    der, der_len, csr, csr_len, ca, ca_len, &want);
	return wrong ? fault(c, "%s: certificate %" PRId64 ": %s", name,
			   db_int(row, 0), wrong)
		     : 0;
}

/* --- requests that wait for approval --- */

/* Columns of DB_CHECK_REQUESTS. */
static int check_request(const struct db_row *row, void *arg)
{
	CLEANUP_CSR struct pki_csr *csr = NULL;
	char code[PENDING_CODE + 1], name[32];
	const char *reason;
	size_t name_len, csr_len, hash_len;
	const char *member = db_blob(row, 1, &name_len);
	const void *der = db_blob(row, 2, &csr_len),
		   *hash = db_blob(row, 3, &hash_len);

	db_text(row, 0, name, sizeof(name));
	if (!name_legal(member, name_len))
		return fault(arg, "request %s: asks for the name %.*s", name,
		    (int)name_len, member ? member : "");
	if (hash_len != PKI_HASH ||
	    pki_csr_parse(der, csr_len, &csr, &reason) ||
	    memcmp(pki_csr_spki_hash(csr), hash, PKI_HASH) != 0)
		return fault(arg, "request %s: is of another key", name);
	pending_code(hash, code);
	return strcmp(code, name) == 0
		   ? 0
		   : fault(arg, "request %s: its code is %s", name, code);
}

/* --- the journal, and the audit trail in it --- */

struct trail {
	struct check *check;
	const char *head; /* that has to be the hash of a line, or NULL */
	bool head_seen;
	int64_t seq, ends; /* of the event before */
	int64_t line, line_ends;
	int64_t revocations;
	char prev[2 * PKI_HASH + 1]; /* the hash of the line before */
};

static bool follows(const struct trail *t, const struct bytes *line)
{
	char want[2 * PKI_HASH + 16];
	size_t n = (size_t)snprintf(
	    want, sizeof(want), "\"prev\":\"%s\"}", t->prev);

	return line->len >= n &&
	       memcmp(line->data + line->len - n, want, n) == 0;
}

static void check_line(
    struct trail *t, const struct db_row *row, const struct bytes *line)
{
	int64_t number = db_int(row, DB_EVENT_LINE);

	if (number != t->line + 1)
		fault(t->check, "log: line %" PRId64 " follows line %" PRId64,
		    number, t->line);
	else if (!follows(t, line))
		fault(t->check,
		    "log: line %" PRId64
		    " does not follow from the one before: one of them was changed",
		    number);
	t->line_ends += (int64_t)line->len + 1;
	if (db_int(row, DB_EVENT_LINE_ENDS) != t->line_ends)
		fault(t->check,
		    "log: line %" PRId64 " does not stand where it ends",
		    number);
	t->line = number;
	t->line_ends = db_int(row, DB_EVENT_LINE_ENDS);
}

static int take_line(struct trail *t, const struct db_row *row)
{
	CLEANUP_BYTES struct bytes line = {0};
	unsigned char hash[PKI_HASH];
	int rc = line_of_event(row, &line);

	if (rc)
		return rc;
	check_line(t, row, &line);
	rc = pki_sha256(line.data, line.len, hash);
	hex_text(hash, PKI_HASH, t->prev);
	t->head_seen = t->head_seen ||
		       (t->head && strcmp(t->prev, t->head) == 0);
	return rc;
}

static bool is_revocation(const struct db_row *row)
{
	static const char begin[] = "{\"kind\":\"revoked\",";
	size_t len;
	const void *data = db_blob(row, DB_EVENT_DATA, &len);

	return len >= sizeof(begin) - 1 &&
	       memcmp(data, begin, sizeof(begin) - 1) == 0;
}

static int check_event(const struct db_row *row, void *arg)
{
	struct trail *t = arg;
	CLEANUP_BYTES struct bytes record = {0};
	int64_t seq = db_int(row, DB_EVENT_SEQ);
	int rc = record_of_event(t->check->conn, row, &record);

	if (rc && rc != -ESTALE)
		return rc;
	t->ends += (int64_t)record.len;
	if (rc || seq != t->seq + 1 || db_int(row, DB_EVENT_ENDS) != t->ends)
		fault(t->check,
		    "export: record %" PRId64 " does not stand where it should",
		    seq);
	t->seq = seq;
	t->ends = db_int(row, DB_EVENT_ENDS);
	t->revocations += is_revocation(row);
	return db_is_null(row, DB_EVENT_LINE) ? 0 : take_line(t, row);
}

static void conclude(struct trail *t, int64_t revoked)
{
	int64_t recorded = db_recorded_last(t->check->store->db);

	if (t->line < recorded)
		fault(t->check,
		    "log: %" PRId64
		    " lines were written, and the last is %" PRId64,
		    recorded, t->line);
	if (t->seq < db_recorded_records(t->check->store->db))
		fault(t->check,
		    "export: %" PRId64
		    " records were written, and the last is %" PRId64,
		    db_recorded_records(t->check->store->db), t->seq);
	if (t->revocations != revoked)
		fault(t->check,
		    "export: %" PRId64 " records of %" PRId64 " revocations",
		    t->revocations, revoked);
	if (t->head && !t->head_seen)
		fault(t->check,
		    "log: no line has the hash %s: its end was cut off or changed",
		    t->head);
}

/* After a trim, journal and trail begin behind the anchor. */
static int begin_trail(struct trail *t)
{
	struct anchor anchor;
	int rc = anchor_read(t->check->conn, t->check->store, &anchor);

	if (rc == -EBADMSG)
		rc = fault(t->check,
		    "log: where it begins, since it was trimmed, was changed");
	t->seq = anchor.records;
	t->line = anchor.line;
	memcpy(t->prev, anchor.hash, sizeof(t->prev));
	t->head_seen = t->head && strcmp(t->prev, t->head) == 0;
	return rc;
}

static int check_trail(struct check *c, const char *head)
{
	struct trail t = {.check = c, .head = head};
	int64_t revoked = 0;

	int rc = begin_trail(&t);
	if (!rc)
		rc = db_each(c->conn, DB_EVENT_EACH, NULL, check_event, &t);
	if (!rc)
		rc = db_each(
		    c->conn, DB_CHECK_REVOCATIONS, NULL, db_read_int, &revoked);
	if (!rc)
		conclude(&t, revoked);
	return rc;
}

/* --- all of it --- */

static int check_all(struct check *c, const char *head)
{
	int rc = check_database(c);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = check_rows(c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_CERTS, NULL, check_cert, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_CROSSES, NULL, check_cross, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_CRLS, NULL, check_crl, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_KEYS, NULL, check_key, c);
	if (!rc)
		rc = db_each(
		    c->conn, DB_CHECK_CERTIFICATES, NULL, check_issued, c);
	if (!rc)
		rc = db_each(c->conn, DB_CHECK_REQUESTS, NULL, check_request, c);
	return rc ? rc : check_trail(c, head);
}

int store_check(
    struct store *store, const char *log_head, store_fault_fn found, void *arg)
{
	struct check c = {store, db_reader(store->db), found, arg, 0, false};
	const char *what = db_incomplete(store->db);

	int rc = check_all(&c, log_head);
	if (what)
		fault(&c, "the file %s", what);

	return rc < 0 ? rc : c.faults;
}
