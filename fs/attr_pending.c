/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "fs/value.h"
#include "store/approval.h"

/* Requests that wait for approval. */

DEFINE_SHOW(pending_name_show, value_add_text(out, row->pending.member))
DEFINE_SHOW(
    pending_fingerprint_show, value_add_text(out, row->pending.fingerprint))
DEFINE_SHOW(pending_code_show, value_add_text(out, row->object.name))
DEFINE_SHOW(pending_from_show, value_add_text(out, row->pending.from))

ATTR_SHOW(pending_csr_show)
{
	return store_pending_csr(store, row->object.id, out);
}

/* The final newline may come in a write of its own. */
ATTR_STORE(approve_store)
{
	int rc = input->again
		     ? 0
		     : store_approve(store, call, row->object.id, input->text);

	return rc ? rc : 1;
}
