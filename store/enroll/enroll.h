/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ENROLL_H
#define STORE_ENROLL_ENROLL_H

/* One enrollment in two halves, for tests that change the store in between. */
#include "store/enroll/issue.h"

struct enrolment {
	struct issuance i;
	int64_t key;		      /* id; 0 until the key's text is parsed */
	const char *requested_name;   /* of the member; NULL: the CSR's CN */
	bool authenticated;	      /* the caller may use the key */
	bool with_text;		      /* authenticated by the key's text */
	unsigned char root[PKI_HASH]; /* trust anchor in the key's text */
	unsigned char hash[PKI_HASH]; /* of the secret in it */
	bool replaced;		      /* that is the one before the present */
	int64_t old_until;	      /* until when that enrolls, seconds */

	/* The pending request that is approved, and who sent it; 0: none, the
	 * caller enrolls. */
	int64_t approves;
	uid_t requested_by;

	/* as read by enrolment_prepare */
	bool approval;	 /* the key or its group wants it */
	int64_t pending; /* the request that waits with this public key; 0:
			    none, or unknown unless i.exact */
	bool waits;	 /* to be added to those that wait */
	char key_name[NAME_MAX_LEN + 1];
	bool key_enabled;
	int64_t expires; /* seconds */
	int64_t max_uses, uses;
};

/*
 * Splits the request and authenticates the caller. A malformed CSR is reported
 * by enrolment_prepare, after the checks of the key. Free with
 * enrolment_end, also after an error.
 *
 * Returns 0, -EFBIG, -EBADMSG (malformed key), -EKEYREJECTED (unknown key),
 * -ESTALE (the key of the path is deleted), or -errno.
 */
int enrolment_begin(struct enrolment *e, const void *data, size_t len);

/*
 * Checks and signs, unless e->waits. Returns 0 (to be committed), 1 (a retry:
 * its certificate has been appended to *reply), -EAGAIN (a concurrent change:
 * call it again), or -errno of a refusal.
 */
int enrolment_prepare(struct enrolment *e, struct bytes *reply);

/* Counts the use and stores the certificate in one transaction, then sets
 * *reply to it. Returns 0, -EINPROGRESS (it waits for approval now), -EAGAIN
 * (not everything is as assumed or checked: prepare again), or -errno. */
int enrolment_commit(struct enrolment *e, struct bytes *reply);

/* Prepares and commits until that is decided. Returns 0 (*reply is set), 1 (a
 * retry, as enrolment_prepare), -EINPROGRESS (it waits for approval), or -errno
 * of a refusal. */
int enrolment_run(struct enrolment *e, struct bytes *reply);

/* Frees what *e holds. */
void enrolment_end(struct enrolment *e);

#endif
