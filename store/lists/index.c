/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/lists/render.h"
#include "store/objects/path.h"

/* The certificates that a signing certificate has issued, as the database of
 * openssl-ca(1). */

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

/* Reads the number of certificates that were issued and revoked, and when that
 * last changed. */
static int read_times(const struct db_row *row, void *arg)
{
	struct snapshot_times *times = arg;

	times->basis = db_int(row, 0) + db_int(row, 1);
	times->made = db_int(row, 2);
	return 1;
}

static int get_times(
    struct store *store, int64_t cert, struct snapshot_times *out)
{
	return db_one(db_reader(store->db), DB_CERT_LISTS,
	    DB_ARGS(DB_INT(cert)), read_times, out, -ESTALE);
}

static int fill_index(struct store *store, struct snapshot_writer *w,
    enum store_list which, int64_t cert)
{
	struct index_context context = {store, w};
	struct db_conn *conn = db_reader(store->db);
	int rc = get_times(store, cert, snapshot_times(w));

	(void)which;
	if (!rc)
		rc = db_each(conn, DB_INDEX_CERTS, DB_ARGS(DB_INT(cert)),
		    add_ca_line, w);
	if (!rc)
		rc = db_each(conn, DB_INDEX_MEMBERS, DB_ARGS(DB_INT(cert)),
		    add_member_line, &context);
	return rc;
}

int list_index(
    struct store *store, int64_t cert, bool look, struct store_snapshot **out)
{
	struct snapshot_times now;
	int rc = get_times(store, cert, &now);

	return rc ? rc
		  : snapshot_look(store, STORE_INDEX, cert, now.basis, look,
			fill_index, out);
}
