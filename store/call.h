/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_CALL_H
#define STORE_CALL_H

/* The caller of an operation, and why it was refused. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bytes;
struct store;

enum { STORE_REASON = 256 };

struct store_call {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* a hint only: it may be gone */
	const gid_t
	    *groups; /* the supplementary groups, where they are asked for */
	int groups_count; /* -1: they could not be found out */
	bool group_shown; /* then: the kernel has found the caller in this one */
	gid_t shown_gid;
	mode_t umask; /* where a file is created */
	char comm[17]; /* its command, as the kernel names it; see store_identify */
	char reason[STORE_REASON];
	bool recorded; /* this refusal has its line, or has been counted: it
			  gets no other */
};

/* Sets the reason and answers error, which is negative. */
int store_refuse(struct store_call *call, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Finds out the caller's command, unless it is known. To be called while the
 * caller waits for the answer: its process is still there. Functions that write
 * the audit trail call it.
 */
void store_identify(struct store_call *call);

/*
 * Records a refusal and call->reason: as a message, and in the audit trail. At
 * most 50 lines per user and second; then how many were left out. action: as in
 * the trail, set, copy, mkdir ...; object: a path below the mount. Functions
 * that do this themselves say so.
 */
void store_log_refusal(struct store *store, struct store_call *call,
    const char *action, const char *object, int error);

/*
 * The same for what was refused before anybody has shown a key or permission:
 * one line a second for each user, and two a second for all of them together.
 * The others are counted.
 */
void store_log_stranger(struct store *store, struct store_call *call,
    const char *action, int error);

/* A reason for a refusal that has none of its own. */
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
 * For names and values that somebody writes: what is stored or named is shown
 * to others for good. 0; -EINVAL: it holds a provisioning key, its base64, or a
 * PEM private key, also split by blanks, and the reason says so without it;
 * -ENOMEM, -EIO.
 */
int store_check_secret(
    struct store *store, struct store_call *call, const void *text, size_t len);

#endif
