/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/crl.h"
#include "store/lists/metrics.h"
#include "store/lists/table.h"
#include "store/snapshot.h"
#include "store/store.h"

int store_snapshot(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out)
{
	*out = NULL;
	if (object->object.kind == STORE_CERT)
		return list_of_cert(store, object, which, look, out);
	return which == STORE_METRICS ? list_metrics(store, look, out)
				      : list_table(store, which, look, out);
}
