/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_PENDING_H
#define STORE_OBJECTS_PENDING_H

/* One change of a pending signing certificate. */
#include "store/objects/authority.h"

/* Returned by the prepare function of pending_run. */
enum {
	PENDING_INCOMPLETE = 1, /* more input is needed */
	PENDING_DONE = 2,	/* nothing to store */
};

struct pending_cert {
	struct store *store;
	struct store_call *call;
	int64_t id;

	/* as read by pending_run, before prepare */
	union store_any row;
	struct bytes csr, key; /* of the request; PKCS #8 DER */
	struct bytes cert;     /* DER; empty while it is pending */

	/* the input */
	const struct store_edit *edit; /* or NULL */
	const void *answer;	       /* an outside CA's, or an import */
	size_t answer_len;
	bool import;

	/* to be stored, as prepared */
	struct bytes new_csr, new_key, der, chain;
	char subject[STORE_SUBJECT_MAX + 1];
	struct pki_key_info info;
	int64_t issuer;
};

/*
 * Reads the certificate, calls prepare and runs the job with p as its argument;
 * again, up to 8 times, if the job returns -EAGAIN. Frees the buffers of *p.
 * Returns 0, PENDING_INCOMPLETE, -ESTALE, -EPERM (managed), -EBUSY (it is not
 * pending; with an answer, prepare decides), -EIO (also: it kept changing), or
 * what prepare and the job return.
 */
int pending_run(struct pending_cert *p, int (*prepare)(struct pending_cert *p),
    const struct db_job *job);

/* In a job: reads p->row again. Returns 0, -EBUSY (not pending), -EPERM
 * (managed), -ESTALE or -errno. */
int pending_read(struct db_conn *conn, struct pending_cert *p);

/* In a job: replaces the key pair by new_key and new_csr, and scrubs the old
 * one. Returns 0, -EAGAIN (no longer pending, or another request) or -errno. */
int pending_rekey(struct db_conn *conn, struct pending_cert *p, int64_t now);

/* In a job, after the change: records it in the audit trail. file is appended
 * to the object's path. Returns 0 or -errno. */
int pending_note(struct db_conn *conn, const struct pending_cert *p,
    int64_t now, const char *action, const char *file);

/* Returns -EBUSY, with the reason that it has its certificate. */
int pending_refuse_issued(struct store_call *call);

#endif
