/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

DEFINE_LIST(keys_list, STORE_KEYS_TABLE)
DEFINE_LIST(members_list, STORE_MEMBERS_TABLE)
