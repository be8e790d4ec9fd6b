/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_WHY_H
#define STORE_WHY_H

#include "store/store.h"

/* Keeps a refusal for store_why. call has comm and reason. Without memory it is
 * not kept. */
void why_note(const struct store_call *call, const char *action,
    const char *object, int error);

#endif
