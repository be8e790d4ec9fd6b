/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

DEFINE_LIST(metrics_list, STORE_METRICS)
