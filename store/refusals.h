/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/store.h"

/* Logs the numbers of refusals that were omitted and not logged yet
 * (store_log_refusal, store_log_stranger). */
void refusal_log_rest(struct store *store);

#endif
