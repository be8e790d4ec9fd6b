/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/leave.h"

#include <errno.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/member.h"
#include "store/objects/object.h"

static const char reason[] = "cessationOfOperation"; /* RFC 5280 5.3.1 */

bool leave_is_asked(const struct renewal *r)
{
	if (!r->by_proof || !r->i.csr || !r->proof)
		return false;
	const char *name = pki_csr_common_name(r->i.csr);
	return name && strcmp(name, reason) == 0 &&
	       memcmp(pki_csr_spki_hash(r->i.csr), pki_csr_spki_hash(r->proof),
		   PKI_HASH) == 0;
}

static int refuse_replaced(struct renewal *r)
{
	return store_refuse(r->i.call, -EKEYREJECTED,
	    "the proof's key has been replaced by a renewal: prove with the present one");
}

static int is_valid(struct db_conn *conn, int64_t member, int64_t seconds)
{
	return db_exists(conn, DB_MEMBER_VALID,
	    DB_ARGS(DB_INT(member), DB_INT(seconds), DB_INT(0)));
}

/* Returns 1 if all certificates are revoked already. */
static int check(struct renewal *r)
{
	struct known_key found = {0};
	int rc = renewal_prove(r, &found);

	if (!rc)
		rc = issuance_check_csr(&r->i);
	if (rc)
		return rc;
	if (found.revoked) {
		rc = is_valid(db_reader(r->i.store->db), r->member,
		    clock_now() / CLOCK_SECOND);
		return rc > 0 ? refuse_replaced(r) : rc ? rc : 1;
	}
	if (clock_past(found.not_after))
		return store_refuse(r->i.call, -EKEYEXPIRED,
		    "this member's certificate has expired: there is nothing to revoke");
	rc = renewal_read_member(r);
	if (!rc && r->proven != r->present)
		return refuse_replaced(r);
	if (!rc && r->i.store->read_only)
		rc = store_refuse(r->i.call, -EROFS, "mounted read-only");
	return rc;
}

static int read_present(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, DB_RENEW_PRESENT);
	return 1;
}

static int revoke(struct db_conn *conn, struct db_batch *batch, void *arg)
{
	const struct renewal *r = arg;
	char path[STORE_PATH];
	int64_t present = 0;
	int rc = db_one(conn, DB_RENEW_MEMBER, DB_ARGS(DB_INT(r->member)),
	    read_present, &present, -EAGAIN);

	if (!rc && present != r->proven)
		rc = -EAGAIN;
	if (!rc)
		rc = member_revoke(conn, r->member, 0, reason, batch->now);
	if (rc <= 0)
		return rc ? rc : -EAGAIN;
	issuance_path(&r->i, path);
	return audit_add(conn, r->i.call, batch->now,
	    &(struct audit){.action = "revoke",
		.object = path,
		.name = "revocation",
		.value = reason});
}

static const struct db_job revoke_job = {.record = revoke};

int leave(struct renewal *r, struct bytes *reply)
{
	static const char done[] = "revoked\n";
	int rc = check(r);

	if (!rc)
		rc = store_submit(r->i.store, r->i.call, &revoke_job, r);
	return rc < 0 ? rc : bytes_add(reply, done, sizeof(done) - 1);
}
