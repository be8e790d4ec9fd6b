/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H

/*
 * One request of the kernel: its caller, and what to log if it is refused. The
 * operation notes its target as soon as it knows it; the function that sends
 * the reply (ops.c) logs the refusal. Nothing else in fs/ logs one; the store
 * logs those of requests to enroll and renew.
 */
#include "store/store.h"

struct fs_request {
	struct store *store;
	struct store_call call; /* with the reason of a refusal */
	/* As in the audit trail: set, copy, mkdir ... NULL: a refusal is not
	 * logged. */
	const char *action;
	/* Counted for all callers together: the caller has shown neither a key
	 * nor a permission (store_log_stranger). */
	bool stranger;
	struct store_object object;  /* whose file or name it is */
	const char *file;	     /* of the object, or "" */
	char name[NAME_MAX_LEN + 1]; /* in the object's directory, or "" */
};

/*
 * Notes what the request does, and to which file or name of which object.
 * object: NULL if it is in no store; file and name: NULL for none. file has to
 * outlive the request. A later call replaces the target.
 */
void request_target(struct fs_request *rq, const char *action,
    const struct store_object *object, const char *file, const char *name);

/* Notes an action of a stranger, which has no object. */
void request_stranger(struct fs_request *rq, const char *action);

/*
 * Logs the outcome if it is a refusal that has not been logged: an error with a
 * reason, or any but those of a name that does not exist or is of another type.
 * A reason that is missing is filled in by the error.
 */
void request_log(struct fs_request *rq, int rc);

#endif
