/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_REPORT_H
#define STORE_BASE_REPORT_H

#include <stdbool.h>
#include <syslog.h>

/*
 * Logs a message for the operator: to stderr, or to syslog after
 * report_to_syslog. Priorities of syslog(3): LOG_ERR if the store or the host
 * failed, LOG_WARNING if something needs attention, LOG_NOTICE for refusals,
 * start and stop. Control characters become `?`. Never pass a secret.
 */
void report(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Switches report to syslog (facility daemon). program is not copied. */
void report_to_syslog(const char *program);

#endif
