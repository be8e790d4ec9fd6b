/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/store.h"

/*
 * Logs a refusal from before a key was recognised. Anybody can cause these, so there is at most
 * one line a second for each uid; it says how many were left out. Others: store_log_refusal.
 */
void refusal_log_stranger(
	struct store *store, const struct store_call *call, const char *action, int error);

/* Says how many were left out last. */
void refusal_log_rest(void);

#endif
