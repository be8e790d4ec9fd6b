/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"

DEFINE_SNAPSHOT(snapshot_metrics, STORE_METRICS)
