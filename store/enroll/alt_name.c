/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/alt_name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"

enum { HALF = PKI_HASH / 2 }; /* of a public key's hash */

void alt_name_ours(const struct store *store, const unsigned char *spki_hash,
    char out[OUR_DNS])
{
	hex_text(spki_hash, HALF, out);
	snprintf(out + PKI_HASH, OUR_DNS - PKI_HASH, ".%s", store->domain);
}

void alt_name_text(const struct pki_name *name, char out[ALT_NAME])
{
	if (name->type == PKI_NAME_IP)
		inet_ntop(
		    name->len == sizeof(struct in_addr) ? AF_INET : AF_INET6,
		    name->at, out, ALT_NAME);
	else
		snprintf(out, ALT_NAME, "%.*s", (int)name->len, name->at);
}

static void copy_uri(const struct pki_asked *of, char out[OUR_URI])
{
	*out = '\0';
	for (int i = 0; i < of->names; i++)
		if (of->name[i].type == PKI_NAME_URI)
			snprintf(out, OUR_URI, "%.*s", (int)of->name[i].len,
			    of->name[i].at);
}

void alt_name_beside_ours(const struct store *store, const void *der,
    size_t len, const unsigned char *spki_hash, struct pki_asked *out,
    char uri[OUR_URI])
{
	char dns[OUR_DNS], own[OUR_URI];

	pki_cert_asked(der, len, out);
	copy_uri(out, own);
	alt_name_ours(store, spki_hash, dns);
	pki_asked_remove(out, own, dns);
	if (uri)
		memcpy(uri, own, OUR_URI);
}

bool alt_name_lacks(const struct pki_asked *has, const struct pki_asked *names)
{
	for (int i = 0; i < names->names; i++)
		if (!pki_asked_name(has, &names->name[i]))
			return true;
	return false;
}

bool alt_name_narrows(
    const struct pki_asked *now, const struct pki_asked *before)
{
	return alt_name_lacks(now, before) || before->usages & ~now->usages;
}

/* --- of all certificates --- */

struct each {
	struct db_conn *conn;
	alt_name_fn fn;
	void *arg;
};

/* The certificate at these columns: der, SPKI hash. */
static void read_cert(const struct db_conn *conn, const struct db_row *row,
    int column, struct pki_asked *out)
{
	size_t len, hash_len;
	const void *der = db_blob(row, column, &len);
	const unsigned char *hash = db_blob(row, column + 1, &hash_len);

	*out = (struct pki_asked){0};
	if (der && hash_len >= HALF)
		alt_name_beside_ours(
		    db_context(conn), der, len, hash, out, NULL);
}

static bool is_narrower(const struct each *each, const struct db_row *row,
    const struct pki_asked *now)
{
	struct pki_asked before;

	if (db_is_null(row, 5))
		return false;
	read_cert(each->conn, row, 6, &before);
	return db_int(row, 3) < db_int(row, 8) ||
	       alt_name_narrows(now, &before);
}

/* Columns of DB_ALT_NAME_EACH. */
static int read_each(const struct db_row *row, void *arg)
{
	const struct each *each = arg;
	int64_t id = db_int(row, 0);
	struct pki_asked now;
	char text[ALT_NAME];
	int rc = 0;

	read_cert(each->conn, row, 1, &now);
	for (int i = 0; i < now.names && !rc; i++) {
		alt_name_text(&now.name[i], text);
		rc = each->fn(each->conn, text, id, 0, each->arg);
	}
	if (!rc && is_narrower(each, row, &now))
		rc = each->fn(each->conn, NULL, id,
		    db_int(row, 4) / CLOCK_SECOND + NARROWED_SECONDS,
		    each->arg);
	return rc;
}

int alt_name_each(struct db_conn *conn, alt_name_fn fn, void *arg)
{
	struct each each = {conn, fn, arg};

	return db_each(conn, DB_ALT_NAME_EACH, NULL, read_each, &each);
}

int alt_name_add(struct db_conn *conn, const char *name, int64_t issued,
    int64_t until, void *arg)
{
	(void)arg;
	return name ? db_change(conn, DB_ALT_NAME_ADD,
			  DB_ARGS(DB_TEXT(name), DB_INT(issued)))
		    : db_change(conn, DB_NARROWED_ADD,
			  DB_ARGS(DB_INT(issued), DB_INT(until)));
}

int alt_name_has(struct db_conn *conn, const char *name, int64_t issued)
{
	return name ? db_exists(conn, DB_ALT_NAME_GET,
			  DB_ARGS(DB_TEXT(name), DB_INT(issued)))
		    : db_exists(conn, DB_NARROWED_GET, DB_ARGS(DB_INT(issued)));
}
