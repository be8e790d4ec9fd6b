/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ENROLL_H
#define STORE_ENROLL_ENROLL_H

/* One enrollment in its two halves, for tests that change things in between. */
#include "store/enroll/issue.h"

struct enrolment {
	struct issuance i;
	int64_t key;	    /* id */
	const char *wanted; /* the member's name asked for; NULL: the CSR's */
	bool recognised;    /* the caller has proved the right to use the key */
	bool with_text;	    /* by its text, with this root in it */
	unsigned char root[PKI_HASH];

	/* as read */
	char key_name[NAME_MAX_LEN + 1];
	bool key_enabled;
	int64_t expires, max_uses, uses;
};

/* Parses the request and checks the key's text. */
int enrolment_begin(struct enrolment *e, const void *data, size_t len);

/* Reads, checks and signs. Returns 1 if the CSR's key has a certificate, which
 * is in *reply; 0: to be committed; or -errno. */
int enrolment_prepare(struct enrolment *e, struct bytes *reply);

/* Counts the use and stores the certificate. Returns 0, -EAGAIN (prepare
 * again: something has changed since), or -errno. */
int enrolment_commit(struct enrolment *e, struct bytes *reply);
void enrolment_end(struct enrolment *e);

#endif
