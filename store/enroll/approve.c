/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "store/approval.h"
#include "store/enroll/enroll.h"
#include "store/internal.h"
#include "store/objects/object.h"
#include "store/objects/waiting.h"

/* Approving requests that wait. */

/* Whether the text is this code, in any case, with blanks or hyphens. */
static bool is_code(const char *text, const char *code)
{
	for (; *text; text++) {
		if (*text == ' ' || *text == '-')
			continue;
		if (tolower((unsigned char)*text) != *code)
			return false;
		code++;
	}
	return !*code;
}

static int run(struct enrolment *e, const struct bytes *csr)
{
	CLEANUP_BYTES struct bytes reply = {0};
	int rc = enrolment_begin(e, csr->data, csr->len);

	if (!rc)
		rc = enrolment_run(e, &reply);
	enrolment_end(e);
	/* what is known already was approved by somebody else meanwhile */
	return rc == 1 ? store_refuse(e->i.call, -ESTALE,
			     "the request has been approved already")
		       : rc;
}

int store_approve(struct store *store, struct store_call *call, int64_t request,
    const char *code)
{
	CLEANUP_BYTES struct bytes csr = {0};
	union store_any row;
	int rc = store_get(store, STORE_PENDING_REQUEST, request, &row);

	if (rc)
		return rc == -ESTALE ? store_refuse(call, rc,
					   "the request waits no longer")
				     : rc;
	if (!is_code(code, row.object.name))
		return store_refuse(call, -EINVAL,
		    "not the code of this request; compare it with the one that the machine shows");
	rc = db_one(db_reader(store->db), DB_PENDING_CSR,
	    DB_ARGS(DB_INT(request)), db_read_blob, &csr, -ESTALE);
	struct enrolment e = {.i = {.store = store, .call = call},
	    .key = row.object.parent,
	    .requested_name = row.pending.member,
	    .approves = request,
	    .requested_by = row.object.modified_by};
	return rc ? rc : run(&e, &csr);
}
