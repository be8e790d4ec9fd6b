/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

DEFINE_SNAPSHOT(snapshot_keys, STORE_KEYS_TABLE)
DEFINE_SNAPSHOT(snapshot_members, STORE_MEMBERS_TABLE)
