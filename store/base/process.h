/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PROCESS_H
#define STORE_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Keys will be in this process's memory: it goes into no core dump, and no
 * debugger reads it. To be called again after a change of user. */
void process_protect(void);

/* Under load what one request frees the next one needs: not to be given back to
 * the kernel between them. */
void process_keep_memory(void);

/* What is free is the kernel's again: after a peak, of which none of it would
 * come back otherwise. */
void process_give_memory_back(void);

/* Has the end by SIGBUS explained: a mapped file of the store could not be read
 * or written. */
void process_explain_bus_error(void);

/* Tells a service manager that waits for it (sd_notify(3)) that this daemon is
 * ready. */
void process_ready(void);

/* Whether /proc shows the processes of other users: what they are called, and
 * their groups. */
bool process_sees_others(void);

/* The group that /proc shows all of them to although it hides them from others;
 * proc(5), hidepid and gid. false: there is none. */
bool process_seeing_group(gid_t *gid);

/* The command of a process, as the kernel names it; empty if there is no such
 * process here. */
void process_command(pid_t pid, char *out, size_t size);

#endif
