/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/crl.h"
#include "store/lists/index.h"
#include "store/lists/metrics.h"
#include "store/lists/table.h"
#include "store/snapshot.h"
#include "store/store.h"

static int of_cert(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out)
{
	int64_t id = object->object.id;

	if (object->cert.pending)
		return 0;
	return which == STORE_INDEX ? list_index(store, id, look, out)
				    : list_crl(store, id, which, look, out);
}

int store_snapshot(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out)
{
	*out = NULL;
	if (object->object.kind == STORE_CERT)
		return of_cert(store, object, which, look, out);
	return which == STORE_METRICS ? list_metrics(store, look, out)
				      : list_table(store, which, look, out);
}
