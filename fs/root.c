/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

DEFINE_SHOW(show_domain, value_add_text(out, store_domain(store)))
DEFINE_SHOW(show_version, value_add_text(out, ENROLLFS_VERSION))
