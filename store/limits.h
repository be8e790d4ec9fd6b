/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

/*
 * Limits of groups and provisioning keys: what a request has to satisfy beside
 * being well formed. store_set sets them (STORE_ALLOWED_NAMES to STORE_USAGES);
 * enroll/allowed.h says what their lines mean.
 */
#include "store/store.h"

/* Appends the limit of a group or key as it was written, without its final
 * newline. Returns 0 or -ESTALE. */
int store_limit(struct store *store, const struct store_object *object,
    enum store_field limit, struct bytes *out);

#endif
