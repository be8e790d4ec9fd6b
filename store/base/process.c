/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void process_protect(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
}

void process_keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

void process_command(pid_t pid, char *out, size_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n - (out[n - 1] == '\n') : 0] = '\0';
}
