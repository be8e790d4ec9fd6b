/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_PKI_H
#define STORE_PKI_PKI_H

/*
 * The fence around OpenSSL: sealing, provisioning-key text, certificate requests, certificates.
 * Functions answer 0 or -errno. Where the bytes came from outside and a person should know what is
 * wrong with them, *reason is set to a constant text together with the error.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "store/base/name.h"

enum {
	PKI_HASH = 32,	 /* SHA-256 */
	PKI_SERIAL = 16, /* bytes of a serial number */
	PKI_SECRET = 32, /* a provisioning key's secret, and the master key */
};

/* Fills out with n random bytes fit for secrets. 0 or -EIO. */
int pki_random(void *out, size_t n);

/* SHA-256 (FIPS 180-4). 0 or -EIO. */
int pki_sha256(const void *data, size_t len, unsigned char out[PKI_HASH]);

/* Whether n bytes are equal, in time that does not depend on them. */
bool pki_equal(const void *a, const void *b, size_t n);

/*
 * A random serial number of 128 bits (RFC 5280 4.1.2.2: positive, at most 20 octets). The first
 * byte is not 0, so that its hex is the same wherever it is printed. 0 or -EIO.
 */
int pki_serial(unsigned char out[PKI_SERIAL]);

/* --- seal.c: AES-256-GCM under the master key (NIST SP 800-38D) --- */

struct pki_sealer;

/* For one store: key is copied. 0 or -ENOMEM; free with pki_sealer_free, which wipes it. */
int pki_sealer_new(
	const unsigned char key[PKI_SECRET], const char *store_id, struct pki_sealer **out);
void pki_sealer_free(struct pki_sealer *sealer);

/*
 * Encrypts what belongs to row `id` of `kind`. Store, kind and row are authenticated with it, so
 * that a ciphertext moved elsewhere does not open. Appends to out. 0 or -EIO/-ENOMEM.
 */
int pki_seal(const struct pki_sealer *sealer, const char *kind, int64_t id, const void *plain,
	size_t len, struct bytes *out);

/* The reverse. -EBADMSG: damaged, of another row or store, or the master key is another one. */
int pki_unseal(const struct pki_sealer *sealer, const char *kind, int64_t id, const void *sealed,
	size_t len, struct bytes *out);

/* --- keytext.c: the text that is handed to a machine --- */

struct pki_key_text {
	char domain[DOMAIN_MAX_LEN + 1];
	int64_t id;
	unsigned char secret[PKI_SECRET];
	unsigned char root[PKI_HASH]; /* SHA-256 of the DER of the root to trust */
};

/* Length of the text with its newline for a domain of that length. */
size_t pki_key_text_len(size_t domain_len);

/* Appends `1|<domain>|<base64>` and a newline. 0 or -ENOMEM/-EIO. */
int pki_key_text_format(const struct pki_key_text *key, struct bytes *out);

/*
 * Parses one such line without its newline. -EBADMSG: not of this form, or the checksum says that
 * it was truncated or mistyped. The caller wipes *out.
 */
int pki_key_text_parse(const char *line, size_t len, struct pki_key_text *out, const char **reason);

/* --- pem.c --- */

#define PKI_LABEL_CERTIFICATE "CERTIFICATE"
#define PKI_LABEL_REQUEST "CERTIFICATE REQUEST"

/* Appends DER as PEM (RFC 7468 3). 0 or -ENOMEM. */
int pki_pem(const char *label, const void *der, size_t len, struct bytes *out);

/* How many bytes pki_pem would append. */
size_t pki_pem_len(const char *label, size_t der_len);

/* --- csr.c: PKCS #10 certificate requests (RFC 2986) --- */

struct pki_csr;

enum pki_form { PKI_NO_REQUEST, PKI_DER, PKI_PEM };

/*
 * What these bytes, or the first of them, can be the beginning of: DER begins with a SEQUENCE; PEM
 * with its first line, or with the heading of the text that `openssl req -text` puts before it.
 */
enum pki_form pki_csr_form(const void *data, size_t len);

/* Where the first PEM text ends: behind its END line's dashes (RFC 7468 3). 0: it has not ended. */
size_t pki_pem_end(const void *data, size_t len);

/* Parses one request, PEM (RFC 7468 7) or DER, with nothing behind it. -EBADMSG if it is none. */
int pki_csr_parse(const void *data, size_t len, struct pki_csr **out, const char **reason);
void pki_csr_free(struct pki_csr *csr);
#define CLEANUP_CSR __attribute__((cleanup(pki_csr_cleanup)))
void pki_csr_cleanup(struct pki_csr **csr);

/* Proof of possession (RFC 2986 4.2, signature): 0, or -EKEYREJECTED. */
int pki_csr_verify(const struct pki_csr *csr, const char **reason);

/*
 * Whether the key and the signature's hash are ones we certify: RSA of 2048 to 8192 bits with an
 * odd exponent from 3 to 2^32 - 1, EC on the named curves P-256, P-384, P-521 (RFC 5480,
 * uncompressed points), Ed25519 (RFC 8410); SHA-256 or better. -EBADMSG otherwise.
 */
int pki_csr_allowed(const struct pki_csr *csr, const char **reason);

/* What was parsed; all of it lives as long as the request. */
const unsigned char *pki_csr_der(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki_hash(const struct pki_csr *csr); /* SHA-256 of the SPKI's DER */
/* The subject's only common name in UTF-8, or NULL where it has none, several, or no legal text. */
const char *pki_csr_common_name(const struct pki_csr *csr);

/* --- ca.c and issue.c: certificates (RFC 5280) --- */

/* A signing certificate with its private key. Immutable; several threads may sign with it. */
struct pki_ca;

/* From the DER of the certificate and the PKCS #8 DER of its key. -EBADMSG if they do not fit. */
int pki_ca_open(
	const void *cert, size_t cert_len, const void *key, size_t key_len, struct pki_ca **out);
void pki_ca_free(struct pki_ca *ca);

struct pki_new_ca {
	const char *algorithm; /* ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096 */
	const char *common_name;
	const char *organization;
	int path_length; /* pathLenConstraint (RFC 5280 4.2.1.9), below 0 for none */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* What pki_ca_make made; free with pki_made_free. The key is PKCS #8 DER, to be sealed. */
struct pki_made {
	struct bytes key, csr, cert;
	unsigned char spki_hash[PKI_HASH];
};

/* Makes a key pair, its request and its certificate, signed by issuer or, if NULL, by itself.
 * -EINVAL: no such algorithm; -EIO. */
int pki_ca_make(const struct pki_new_ca *want, const struct pki_ca *issuer, struct pki_made *out);
void pki_made_free(struct pki_made *made);

struct pki_leaf {
	const char *common_name, *unit, *organization;
	const char *uri, *dns; /* the two subject alternative names */
	const unsigned char *spki;
	size_t spki_len;
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* Signs a member's certificate and appends its DER. 0 or -EIO/-ENOMEM. */
int pki_issue(const struct pki_ca *ca, const struct pki_leaf *leaf, struct bytes *der);

#endif
