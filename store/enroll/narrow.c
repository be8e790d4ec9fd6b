/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/narrow.h"

#include <errno.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/enroll/alt_name.h"
#include "store/internal.h"
#include "store/objects/member.h"
#include "store/objects/object.h"

int narrow_add(struct db_conn *conn, int64_t issued, int64_t now)
{
	return alt_name_add(
	    conn, NULL, issued, now / CLOCK_SECOND + NARROWED_SECONDS, NULL);
}

int narrow_drop(struct db_conn *conn, int64_t issued)
{
	return db_change(conn, DB_NARROWED_DROP, DB_ARGS(DB_INT(issued)));
}

struct narrowed {
	int64_t issued, member;
	struct store_call *call;
};

static int note(struct db_conn *conn, const struct narrowed *n, int64_t now)
{
	union store_any member;
	char path[STORE_PATH];
	int rc = object_get(conn, STORE_MEMBER, n->member, &member);

	if (rc)
		return rc;
	store_path(&member.object, path);
	return audit_add(conn, n->call, now,
	    &(struct audit){.action = "revoke",
		.object = path,
		.name = "reason",
		.value = "superseded"});
}

/* A renewal that came meanwhile has done both: then there is another newest
 * certificate, and nothing is noted of this one. */
static int settle(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct narrowed *n = arg;
	int rc = db_exists(conn, DB_NARROWED_GET, DB_ARGS(DB_INT(n->issued)));

	if (rc <= 0)
		return rc;
	rc = member_revoke(conn, n->member, 1, "superseded", batch->now);
	if (rc > 0)
		rc = note(conn, n, batch->now);
	return rc ? rc : narrow_drop(conn, n->issued);
}

int narrow_settle(struct store *store, struct store_call *call, int64_t issued,
    int64_t member)
{
	static const struct db_job job = {.record = settle};

	return store_submit(
	    store, call, &job, &(struct narrowed){issued, member, call});
}

static int add_due(const struct db_row *row, void *arg)
{
	struct narrowed due = {
	    .issued = db_int(row, 0), .member = db_int(row, 1)};

	return bytes_add(arg, &due, sizeof(due));
}

void narrow_settle_due(struct store *store)
{
	CLEANUP_BYTES struct bytes list = {0};
	int64_t seconds = clock_now() / CLOCK_SECOND;
	int rc = db_each(db_reader(store->db), DB_NARROWED_DUE,
	    DB_ARGS(DB_INT(seconds)), add_due, &list);
	const struct narrowed *due = (const struct narrowed *)list.data;

	for (size_t i = 0; i < list.len / sizeof(*due) && !rc; i++) {
		struct store_call call = {
		    .uid = store->uid, .gid = store->gid, .pid = getpid()};
		rc = narrow_settle(store, &call, due[i].issued, due[i].member);
	}
}
