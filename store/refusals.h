/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/store.h"

/* Says how many refusals were left out last (store_log_refusal,
 * store_log_stranger). */
void refusal_log_rest(struct store *store);

#endif
