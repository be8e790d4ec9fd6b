/* SPDX-License-Identifier: Apache-2.0 */
#include "store/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/base/process.h"

void store_identify(struct store_call *call)
{
	if (!call->comm[0] && call->pid > 0)
		process_command(call->pid, call->comm, sizeof(call->comm));
	if (call->login_known || call->frequent || call->pid <= 0)
		return;
	process_login(call->pid, &call->loginuid, &call->session);
	call->login_known = true;
}

int store_refuse(struct store_call *call, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->reason, sizeof(call->reason), format, args);
	va_end(args);
	return error;
}

const char *store_error_name(int error)
{
	const char *name = strerrorname_np(-error);

	return name ? name : "EIO";
}

const char *store_default_reason(int error)
{
	static const struct {
		int error;
		const char *reason;
	} known[] = {
	    {EPERM, "this is allowed to nobody here"},
	    {EACCES, "this is not allowed to the caller"},
	    {EROFS, "mounted read-only"},
	    {EEXIST, "the name is taken"},
	    {EINVAL, "this is not possible here"},
	    {ENAMETOOLONG, "a name has at most 64 bytes"},
	    {ENOTEMPTY, "it is not empty"},
	    {EBUSY, "it is in use"},
	    {EFBIG, "it is too long"},
	    {ENOSPC, "there is no room for more"},
	    {EBADMSG, "it is malformed"},
	    {ENOMEM, "out of memory; nothing has changed"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].error == -error)
			return known[i].reason;
	return "the store failed: see the messages";
}
