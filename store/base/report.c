/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/report.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_bool use_syslog;

static const char *label(int priority)
{
	return priority <= LOG_ERR	 ? "error"
	       : priority == LOG_WARNING ? "warning"
	       : priority == LOG_NOTICE	 ? "notice"
					 : "info";
}

void report_to_syslog(const char *program)
{
	openlog(program, LOG_PID, LOG_DAEMON);
	atomic_store(&use_syslog, true);
}

void report(int priority, const char *format, ...)
{
	char line[2 * PATH_MAX]; /* room for the reason behind a path */
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* Names and commands come from outside: a message stays on one line. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (atomic_load(&use_syslog))
		syslog(priority, "%s: %s", label(priority), line);
	else
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name,
		    label(priority), line);
}
