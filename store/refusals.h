/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/store.h"

/* Logs that a request was refused whose caller has shown what he may do with this object: always.
 * doing: "enrolling with", "renewing". */
void refusal_log(const struct store_call *call, const char *doing, const char *path, int error);

/*
 * Logs a refusal from before a key was recognised. Anybody can cause these, so there is at most
 * one line a second for each uid; it says how many were left out.
 */
void refusal_log_stranger(const struct store_call *call, const char *doing, int error);

/* Says how many were left out last. */
void refusal_log_rest(void);

#endif
