/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ISSUE_H
#define STORE_ENROLL_ISSUE_H

/* What enrollment and renewal have in common: a CSR becomes a certificate. */
#include "store/enroll/request.h"
#include "store/objects/signer.h"
#include "store/store.h"

/* The newest certificate on a public key. */
struct known_key {
	int64_t id; /* 0: none */
	int64_t member, key, cert;
	int64_t not_after;
	bool revoked, first;
	char name[NAME_MAX_LEN + 1]; /* of the member */
};

struct issuance {
	struct store *store;
	struct store_call *call;
	struct pki_csr *csr; /* NULL: malformed, see csr_error */
	int csr_error;
	const char *csr_reason;
	struct known_key known; /* of its public key */
	bool known_ca;		/* that is a signing certificate's */

	/* the signing certificate, as read */
	int64_t cert, cert_not_before, cert_not_after, validity_days;
	bool cert_enabled;
	struct signer *signer;

	/* the member */
	int place;
	int64_t group;
	bool group_enabled;
	char group_name[NAME_MAX_LEN + 1], member[NAME_MAX_LEN + 1];
	char uri[STORE_PATH + DOMAIN_MAX_LEN + 16];
	char names[STORE_PATH]; /* of the URI, as stored */

	/* the certificate to be stored */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after;
	struct bytes der;
};

/* request_split, with the reason in the call; also -EFBIG. */
int issuance_split(struct issuance *i, enum store_request form,
    const void *data, size_t len, struct request *out);

/* Begins. issuance_check_csr reports a malformed CSR when its turn has come. */
void issuance_parse(struct issuance *i, const void *csr, size_t len);
void issuance_end(struct issuance *i);

/* Reads what is known of a public key. Returns 0 or -errno. */
int issuance_look_up(
    struct store *store, const unsigned char *spki_hash, struct known_key *out);

/* issuance_look_up of the CSR's key. */
int issuance_look(struct issuance *i);

/* Returns 0, -EBADMSG (malformed) or -EKEYREJECTED (bad signature, weak key). */
int issuance_check_csr(struct issuance *i);

/* Returns 0 if the public key has no certificate or a valid one; else -EEXIST
 * or -EKEYEXPIRED. */
int issuance_check_known(struct issuance *i, int64_t seconds);

/* Returns 0, or -EKEYREVOKED: group or signing certificate is disabled. */
int issuance_check_switches(struct issuance *i);

/* Returns 0, or -EKEYEXPIRED: the signing certificate is not valid now. */
int issuance_check_cert(struct issuance *i, int64_t seconds);

/* signer_get; issuance_end releases it. */
int issuance_signer(struct issuance *i, int64_t cert);

/* Sets the member's name and the URI made of it. */
void issuance_name(struct issuance *i, const char *name);

/* Signs with cert. Returns 0 or -errno. */
int issuance_sign(struct issuance *i, int64_t seconds);

/* Appends the full chain, PEM, of a certificate that the signer issued. */
int issuance_reply(
    const struct issuance *i, const struct bytes *der, struct bytes *reply);

/* The member's path below the mount. */
void issuance_path(const struct issuance *i, char out[STORE_PATH]);

#endif
