/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ISSUE_H
#define STORE_ENROLL_ISSUE_H

/* Issuing a certificate for a CSR; common to enrollment and renewal. */
#include "store/enroll/limits.h"
#include "store/enroll/request.h"
#include "store/enrollment.h"
#include "store/objects/signer.h"
#include "store/store.h"

/* The newest certificate for a public key. */
struct known_key {
	int64_t id; /* 0: none */
	int64_t member;
	int64_t key;	   /* provisioning key of the member */
	int64_t cert;	   /* signing certificate */
	int64_t not_after; /* seconds */
	bool revoked;
	bool first;		     /* from enrollment, not from a renewal */
	char name[NAME_MAX_LEN + 1]; /* of the member */
};

struct issuance {
	struct store *store;
	struct store_call *call;
	struct pki_csr *csr; /* NULL: malformed, see csr_error */
	bool csr_checked;    /* csr_error is the result of all checks */
	int csr_error;
	const char *csr_reason;
	/* Everything is looked up before the signature. False: what the claim
	 * finds out, too, is not. */
	bool exact;
	struct known_key known; /* the CSR's public key */
	bool known_ca;	  /* it is the public key of a signing certificate */
	bool compromised; /* it is, and its certificate is not there any more */

	/* the signing certificate, as read; dates in seconds */
	int64_t cert, cert_not_before, cert_not_after, validity_days;
	bool cert_enabled;
	struct signer *signer;
	bool knows_root; /* the request names the signer's root as trusted */

	/* the member */
	int place;
	int64_t group;
	bool group_enabled;
	char group_name[NAME_MAX_LEN + 1], member[NAME_MAX_LEN + 1];
	char uri[STORE_PATH + DOMAIN_MAX_LEN + 16];
	char names[STORE_PATH]; /* place, group and name, as stored */

	/* what its certificate may have, see grant.h: limits as read, names
	 * beside ours and usages, which of the names others may have, too,
	 * lifetime in seconds (0: that of the signing certificate) */
	struct limits limits;
	struct pki_asked given;
	bool shared[PKI_NAMES_MAX];
	int64_t lifetime;
	/* the certificate that is replaced: its DER, empty in an enrollment; 16
	 * bytes of its public key's hash; whether the new one has fewer names
	 * or usages */
	struct bytes present;
	unsigned char present_spki[PKI_HASH];
	bool narrows;
	bool widens; /* there are names that the present certificate lacks */

	/* the certificate to store; dates in seconds */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after;
	struct bytes der;
};

/* request_split with the reason in i->call. Also returns -EFBIG (longer than
 * STORE_REQUEST_MAX). */
int issuance_split(struct issuance *i, enum store_request form,
    const void *data, size_t len, struct request *out);

/* Parses the CSR. An error is kept for issuance_check_csr, so that refusals
 * come in the documented order. */
void issuance_parse(struct issuance *i, const void *csr, size_t len);

/* Frees what *i holds. */
void issuance_end(struct issuance *i);

/* Finds the newest certificate for a public key; out->id is 0 if there is none.
 * Returns 0 or -errno. */
int known_key_find(
    struct store *store, const unsigned char *spki_hash, struct known_key *out);

/* Sets known and known_ca for the CSR's public key; clears them if the CSR is
 * malformed. Unless i->exact, nothing is read: a public key is taken for new
 * except if it was seen lately, then -EAGAIN. Returns 0 or -errno. */
int issuance_find_known(struct issuance *i);

/* Whether a certificate on i->names was seen lately; remembers that there is
 * one, or that there is one on the names and the public key. */
bool issuance_seen_names(const struct issuance *i);
void issuance_note_names(const struct issuance *i);
void issuance_stored(const struct issuance *i);

/* Checks the CSR, once. Returns 0, the error of pki_csr_parse, -EINVAL (it
 * holds a secret), -EKEYREJECTED (wrong signature), or -EBADMSG
 * (pki_csr_allowed). */
int issuance_check_csr(struct issuance *i);

/* Checks the CSR's public key. Returns 0 (no certificate, or a valid one),
 * -EEXIST (a revoked one, or it is a signing certificate's key), or
 * -EKEYEXPIRED. */
int issuance_check_known(struct issuance *i, int64_t seconds);

/* Returns 0, or -EKEYREVOKED (the group or the signing certificate is
 * disabled). */
int issuance_check_switches(struct issuance *i);

/* Returns 0, or -EKEYEXPIRED (the signing certificate is not valid at this
 * time). */
int issuance_check_cert(struct issuance *i, int64_t seconds);

/* Loads a signing certificate into i->signer, replacing the last one. Returns 0
 * or -errno. */
int issuance_signer(struct issuance *i, int64_t cert);

/* Sets the member's name and, from it and the group, uri and names. */
void issuance_name(struct issuance *i, const char *name);

/* Signs a certificate for the member with i->signer, valid from CERT_BACKDATE
 * before `seconds`, and verifies it. Returns 0, -EIO (also: no private key), or
 * as signer_verify. */
int issuance_sign(struct issuance *i, int64_t seconds);

/* Appends a certificate that i->signer issued and its chain, PEM. Returns 0 or
 * -ENOMEM. */
int issuance_reply(
    const struct issuance *i, const struct bytes *der, struct bytes *reply);

/* Writes the member's path below the mount. */
void issuance_path(const struct issuance *i, char out[STORE_PATH]);

#endif
