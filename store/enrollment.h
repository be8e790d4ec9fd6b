/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLLMENT_H
#define STORE_ENROLLMENT_H

/* Enrollment and renewal. Returns and errors as in store.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"

struct store;
struct store_call;

/* The longest request in bytes; also the longest input of
 * store_cert_install. */
enum { STORE_REQUEST_MAX = 65536 };

/* The parts of a request, one after the other. */
enum store_request {
	STORE_CSR,
	STORE_KEY_AND_CSR,   /* a provisioning key's text on a line, a CSR */
	STORE_CSR_AND_PROOF, /* the proof is a CSR too, see store_renew */
};

/* Whether data is a complete request, or one that more data cannot make valid:
 * either way, it can be carried out. Pure. */
bool store_request_complete(
    enum store_request form, const void *data, size_t len);

/*
 * Enrolls with a provisioning key: issues a certificate for the CSR, spends one
 * use and makes a member. data is one complete request. key is the key's id; 0:
 * its text comes with the request. member is the name, which must be legal;
 * NULL: the CSR's CN. A name that is taken, if it comes from the CSR, gets a
 * suffix. Appends the certificate and its chain up to the root, PEM.
 *
 * A retry, that is, a public key that has enrolled with this provisioning key,
 * gets its certificate again and spends nothing.
 *
 * Returns 0, or, in the order of the checks:
 * -ESTALE (the key is deleted; with its text -EKEYREJECTED),
 * -EFBIG (too long),
 * -EBADMSG, -EKEYREJECTED (the key's text is malformed, or unknown),
 * -EKEYREJECTED (its text names another root),
 * -EKEYREVOKED (key, group or signing certificate is disabled),
 * -EBADMSG, -EFBIG, -EINVAL, -EKEYREJECTED (the CSR is not acceptable, holds a
 * secret, or its signature is wrong),
 * -EEXIST (the public key is a signing certificate's, or has a certificate that
 * is revoked, of another provisioning key, or under another name; or another
 * request with it waits for approval),
 * -EKEYREJECTED (a request with it has been rejected),
 * -EKEYEXPIRED (the public key's certificate has expired),
 * -EEXIST (it has other names or usages than the CSR asks for),
 * -EKEYEXPIRED (the provisioning key has expired),
 * -EPERM (a limit of the group or key, see limits.h),
 * -EINPROGRESS (it waits for approval, see approval.h; not logged as a
 * refusal), -EDQUOT, -ENOSPC (no room for it to wait),
 * -EKEYEXPIRED (the signing certificate has expired),
 * -EDQUOT (the key is used up),
 * -EROFS,
 * -EEXIST (the name, or one that the CSR asks for, is taken),
 * -ENOSPC, -EBUSY, -ENOMEM, -EIO.
 * An error spends no use. Logs refusals itself.
 */
int store_enroll(struct store *store, struct store_call *call, int64_t key,
    const char *member, const void *data, size_t len, struct bytes *reply);

/* The most certificates of a member within 24 hours. */
enum { STORE_RENEWALS_A_DAY = 1000 };

/*
 * Renews: issues a certificate for a member's new key pair, under its present
 * names. The signing certificate is that of its provisioning key or, if the key
 * is deleted, the one that signed its present certificate. Spends no use. Of a
 * member's valid certificates, all but the two newest are revoked (superseded,
 * RFC 5280 5.3.1).
 *
 * member is its id; 0: the request has a proof, a CSR by the key of its present
 * certificate, with the SHA-256 of the first CSR's DER in hex as CN. Appends
 * the certificate and its chain up to the root, PEM. A retry gets its
 * certificate again.
 *
 * Returns 0, or, in the order of the checks:
 * -EFBIG (too long),
 * -EBADMSG, -EFBIG, -EINVAL, -EKEYREJECTED (the proof is not acceptable, not
 * for this CSR, or its key has no certificate from here),
 * -ESTALE (the member is deleted; with a proof, its certificate is revoked),
 * -EKEYREVOKED, -EKEYEXPIRED (the member's certificate is revoked; expired),
 * -EKEYREVOKED (group or signing certificate is disabled),
 * -EBADMSG, -EFBIG, -EINVAL, -EKEYREJECTED (the CSR, as in store_enroll),
 * -EEXIST, -EKEYEXPIRED (the new public key has a certificate already),
 * -EKEYREJECTED (the proof's key has been replaced),
 * -EPERM (a limit of the member's group or key),
 * -EKEYEXPIRED (the signing certificate has expired),
 * -EROFS,
 * -EEXIST (another member's certificate has the name, or one that the CSR asks
 * for),
 * -ENOSPC (STORE_RENEWALS_A_DAY; or the disk is full), -EBUSY, -ENOMEM, -EIO.
 * -EBUSY also: this user, other than root, has sent so many requests without a
 * valid proof that they used a tenth of the time (store/enroll/budget.h).
 * Logs refusals itself.
 */
int store_renew(struct store *store, struct store_call *call, int64_t member,
    const void *data, size_t len, struct bytes *reply);

#endif
