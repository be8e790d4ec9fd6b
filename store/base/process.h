/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PROCESS_H
#define STORE_BASE_PROCESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Protects keys in memory: no core dumps, no ptrace(2) by other processes of
 * the user. The kernel resets this with a change of user: call it again. */
void process_protect(void);

/* Raises malloc's trim threshold to 1 MiB: under load the next request needs
 * the memory that the last one freed. */
void process_keep_memory(void);

/* Returns free heap memory to the kernel. Call it after a peak: malloc would
 * keep the memory. */
void process_give_memory_back(void);

/* pthread_create(3) of a thread that takes no signals: they are for the one
 * that serves the mount. Returns 0 or -errno. */
int process_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);

/* Logs an explanation before the process dies of SIGBUS: a mapped file of the
 * store could not be read or written. */
void process_explain_bus_error(void);

/* Sends READY=1 to the service manager (sd_notify(3)). Does nothing without
 * NOTIFY_SOCKET; a failure is logged. */
void process_ready(void);

/* Whether /proc shows other users' processes, with their names and groups. */
bool process_sees_others(void);

/* Whether /proc hides other users' processes except from one group (proc(5),
 * hidepid and gid); sets *gid then. */
bool process_hidepid_group(gid_t *gid);

/* Writes a process's command name (/proc/PID/comm), NUL-terminated and
 * truncated to size; empty if there is no such process. */
void process_command(pid_t pid, char *out, size_t size);

/* The uid that a process's user logged in with, and the number of that session,
 * as the kernel's audit has them (/proc/PID/loginuid, sessionid); -1: unset, or
 * not to be read. */
void process_login(pid_t pid, int64_t *loginuid, int64_t *session);

#endif
