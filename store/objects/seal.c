/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/seal.h"

#include "store/internal.h"

int seal_into(struct store *store, struct db_conn *conn, enum db_query query,
    const char *kind, int64_t id, const void *secret, size_t len)
{
	CLEANUP_BYTES struct bytes box = {0};
	int rc = pki_seal(store->sealer, kind, id, secret, len, &box);

	if (!rc)
		rc = db_change(conn, query,
		    DB_ARGS(DB_INT(id), DB_BLOB(box.data, box.len)));
	return rc;
}
