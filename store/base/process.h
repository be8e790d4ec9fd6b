/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PROCESS_H
#define STORE_BASE_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/* Keys will be in this process's memory: it goes into no core dump, and no debugger reads it. To be
 * called again after a change of user. */
void process_protect(void);

/* Under load what one request frees the next one needs: not to be given back to the kernel between
 * them. */
void process_keep_memory(void);

/* Tells a service manager that waits for it (sd_notify(3)) that this daemon is ready. */
void process_ready(void);

/* The command of a process, as the kernel names it; empty if there is no such process here. */
void process_command(pid_t pid, char *out, size_t size);

#endif
