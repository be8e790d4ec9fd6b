/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_REPORT_H
#define STORE_BASE_REPORT_H

#include <stdbool.h>
#include <syslog.h>

/*
 * What the operator is told: on stderr while in the foreground, in syslog
 * (facility daemon) behind. Priorities are those of syslog(3): LOG_ERR when the
 * store or the host failed, LOG_WARNING when something needs a look, LOG_NOTICE
 * for refusals and for start and stop. Never a secret.
 */
void report(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* From now on to syslog instead of stderr. */
void report_to_syslog(const char *program);

#endif
