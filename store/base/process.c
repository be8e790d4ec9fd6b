/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void process_protect(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
}
