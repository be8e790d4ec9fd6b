/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_CALL_H
#define STORE_CALL_H

/* The caller of an operation, and the reason of a refusal. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bytes;
struct store;

enum { STORE_REASON = 256 };

struct store_call {
	uid_t uid;
	gid_t gid;
	pid_t pid;	     /* for messages; the process may have ended */
	const gid_t *groups; /* supplementary groups, if they were needed */
	int groups_count;    /* -1: unknown */
	bool group_shown; /* with -1: the kernel found the caller in shown_gid */
	gid_t shown_gid;
	mode_t umask;  /* for creating objects */
	char comm[17]; /* command name, see store_identify */
	/* One of many requests, with a proof of its own: its login is not
	 * looked up. */
	bool frequent;
	bool login_known; /* these are set, see process_login */
	int64_t loginuid, session;
	char reason[STORE_REASON];
	bool recorded; /* the refusal has been logged or counted already */
};

/* Sets call->reason and returns error, which is negative or 0. */
int store_refuse(struct store_call *call, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills in the caller's command name and, unless it is frequent, its login, if
 * they are unknown. Call it before the reply: until then the process exists.
 * Functions that write the audit trail call it. */
void store_identify(struct store_call *call);

/*
 * Logs a refusal with call->reason, as a message and in the audit trail;
 * secrets in it are hidden. At most 50 lines per user and second are written;
 * the rest is counted, and the number is logged later. action: as in struct
 * audit (set, copy, mkdir ...). object: a path below the mountpoint. error:
 * -errno. Functions that log refusals themselves say so.
 */
void store_log_refusal(struct store *store, struct store_call *call,
    const char *action, const char *object, int error);

/* store_log_refusal for a caller that has shown neither a key nor a permission:
 * at most one line per user and second, and for all such callers two per second
 * after a burst of 256. */
void store_log_stranger(struct store *store, struct store_call *call,
    const char *action, int error);

/* The reason for a refusal without one of its own. */
const char *store_default_reason(int error);

/* The name of a negative errno: "EPERM". */
const char *store_error_name(int error);

/*
 * Appends the user's last 8 refusals within 10 minutes, the newest first: a
 * line of comment, then for each time, pid, command, action and object, errno
 * and reason, separated by tabs. At most 1,024 users are remembered. Returns 0
 * or -ENOMEM.
 */
int store_why(uid_t uid, struct bytes *out);

/*
 * Checks a name or value that others will see. Returns 0, -EINVAL (it contains
 * a secret, see pki_holds_secret; the reason does not repeat it), -ENOMEM or
 * -EIO.
 */
int store_check_secret(
    struct store *store, struct store_call *call, const void *text, size_t len);

#endif
