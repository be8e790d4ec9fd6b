/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/allowed.h"
