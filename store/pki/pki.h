/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_PKI_H
#define STORE_PKI_PKI_H

/*
 * The fence around OpenSSL: sealing, provisioning-key text, certificate
 * requests, certificates. Functions answer 0 or -errno. Where the bytes came
 * from outside and a person should know what is wrong with them, *reason is set
 * to a constant text together with the error.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "store/base/name.h"
#include "store/pki/document.h"

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
 * A random serial number of 128 bits (RFC 5280 4.1.2.2: positive, at most 20
 * octets). The first byte is not 0, so that its hex is the same wherever it is
 * printed. 0 or -EIO.
 */
int pki_serial(unsigned char out[PKI_SERIAL]);

/* --- memory.c --- */

/*
 * Before anything else of OpenSSL: private keys and the master key will lie in
 * locked memory (OPENSSL_secure_malloc(3)), and whatever OpenSSL frees is
 * wiped.
 */
void pki_start(void);

/* --- seal.c: AES-256-GCM under the master key (NIST SP 800-38D) --- */

struct pki_sealer;

/* For one store: key is copied. 0 or -ENOMEM; free with pki_sealer_free, which
 * wipes it. */
int pki_sealer_new(const unsigned char key[PKI_SECRET], const char *store_id,
    struct pki_sealer **out);
void pki_sealer_free(struct pki_sealer *sealer);

/*
 * Encrypts what belongs to row `id` of `kind`. Store, kind and row are
 * authenticated with it, so that a ciphertext moved elsewhere does not open.
 * Appends to out. 0 or -EIO/-ENOMEM.
 */
int pki_seal(const struct pki_sealer *sealer, const char *kind, int64_t id,
    const void *plain, size_t len, struct bytes *out);

/* The reverse. -EBADMSG: damaged, of another row or store, or the master key is
 * another one. */
int pki_unseal(const struct pki_sealer *sealer, const char *kind, int64_t id,
    const void *sealed, size_t len, struct bytes *out);

/* HMAC-SHA-256 (FIPS 198-1) of what belongs to the store, under a key derived
 * from the master key. 0 or -EIO. */
int pki_mac(const struct pki_sealer *sealer, const void *data, size_t len,
    unsigned char out[PKI_HASH]);

/* --- keytext.c: the text that is handed to a machine --- */

struct pki_key_text {
	char domain[DOMAIN_MAX_LEN + 1];
	int64_t id;
	unsigned char secret[PKI_SECRET];
	unsigned char
	    root[PKI_HASH]; /* SHA-256 of the DER of the root to trust */
};

/* Length of the text with its newline for a domain of that length. */
size_t pki_key_text_len(size_t domain_len);

/* Appends `1|<domain>|<base64>` and a newline. 0 or -ENOMEM/-EIO. */
int pki_key_text_format(const struct pki_key_text *key, struct bytes *out);

/*
 * Parses one such line without its newline. -EBADMSG: not of this form, or the
 * checksum says that it was truncated or mistyped. The caller wipes *out.
 */
int pki_key_text_parse(const char *line, size_t len, struct pki_key_text *out,
    const char **reason);

/*
 * Finds the text at the beginning of what has come so far, as it comes from
 * elsewhere: behind a UTF-8 byte order mark or white space, in quotes, folded
 * over lines. Returns 1, with where it ends; 0: nothing is wrong, and it has
 * not ended; -EBADMSG: as soon as it cannot be one. Pure. The caller wipes
 * *out.
 */
int pki_key_text_find(const void *data, size_t len, struct pki_key_text *out,
    size_t *end, const char **reason);

/* --- secret.c --- */

/*
 * Whether bytes that somebody wrote hold a secret: the text of a provisioning
 * key, of whatever domain; its base64 alone with the check that it has in this
 * domain; or the BEGIN line of a PEM private key; also split by blanks or
 * quoted. Returns 1, 0, -ENOMEM or -EIO. Pure.
 */
int pki_holds_secret(const void *data, size_t len, const char *domain);

/* --- pem.c --- */

#define PKI_LABEL_CERTIFICATE "CERTIFICATE"
#define PKI_LABEL_REQUEST "CERTIFICATE REQUEST"
#define PKI_LABEL_CRL "X509 CRL"

/* Appends DER as PEM (RFC 7468 3). 0 or -ENOMEM. */
int pki_pem(const char *label, const void *der, size_t len, struct bytes *out);

/* How many bytes pki_pem would append. */
size_t pki_pem_len(const char *label, size_t der_len);

/* --- csr.c: PKCS #10 certificate requests (RFC 2986) --- */

struct pki_csr;

/*
 * Finds the first request in what has come so far, as pki_document does;
 * -EINVAL and -EBADMSG also as soon as the label of a PEM says that it is none.
 */
int pki_csr_find(const void *data, size_t len, struct pki_document *out,
    const char **reason);

/* Parses one request, PEM (RFC 7468 7) or DER, with nothing behind it; see
 * document.h for what may stand before. -EBADMSG if it is none; -EINVAL: a
 * private key. */
int pki_csr_parse(
    const void *data, size_t len, struct pki_csr **out, const char **reason);
void pki_csr_free(struct pki_csr *csr);
#define CLEANUP_CSR __attribute__((cleanup(pki_csr_cleanup)))
void pki_csr_cleanup(struct pki_csr **csr);

/* Proof of possession (RFC 2986 4.2, signature): 0, or -EKEYREJECTED. */
int pki_csr_verify(const struct pki_csr *csr, const char **reason);

/*
 * Whether the key and the signature's hash are ones we certify: RSA of 2048 to
 * 8192 bits with an odd exponent from 3 to 2^32 - 1, EC on the named curves
 * P-256, P-384, P-521 (RFC 5480, uncompressed points), Ed25519 (RFC 8410);
 * SHA-256 or better. -EBADMSG otherwise.
 */
int pki_csr_allowed(const struct pki_csr *csr, const char **reason);

/* Whether it is signed with SHA-256 or better. -EBADMSG. */
int pki_csr_strong(const struct pki_csr *csr, const char **reason);

/* What was parsed; all of it lives as long as the request. */
const unsigned char *pki_csr_der(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki_hash(
    const struct pki_csr *csr); /* SHA-256 of the SPKI's DER */
/* The subject's only common name in UTF-8, or NULL where it has none, several,
 * or no legal text. */
const char *pki_csr_common_name(const struct pki_csr *csr);

/* A signing certificate with its private key. Immutable; several threads may
 * sign with it. */
struct pki_ca;

/* --- key.c and subject.c: what a signing certificate is made from --- */

enum { PKI_ALGORITHM = 16 };

struct pki_key_info {
	char algorithm[PKI_ALGORITHM];	   /* ec-p256, rsa-3072 ... */
	unsigned char spki_hash[PKI_HASH]; /* SHA-256 of its public key's SPKI */
};

/* Whether pki_key_make can make it: ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072
 * rsa-4096. */
bool pki_key_algorithm(const char *name);

/* Makes a key pair and appends its PKCS #8 DER (RFC 5958), to be sealed.
 * -EIO. */
int pki_key_make(const char *algorithm, struct bytes *key);

/* -EBADMSG: no private key, or of a type or size that we do not sign with. */
int pki_key_describe(const void *key, size_t len, struct pki_key_info *out);

/* A distinguished name as text (RFC 4514): checks it and appends it as we write
 * it, NUL-terminated. -EINVAL. */
int pki_subject(const char *text, struct bytes *out, const char **reason);

/* Appends a certificate request (RFC 2986) for a key under such a name, with a
 * URI as subject alternative name unless it is NULL. -EBADMSG, -EIO. */
int pki_request(const void *key, size_t len, const char *subject,
    const char *uri, struct bytes *csr);

/* The same under the name that a certificate has. */
int pki_request_again(const void *key, size_t len, const void *cert,
    size_t cert_len, struct bytes *csr);

/* --- bundle.c: certificates from an outside CA --- */

/* What such a CA's answer, or an export of one, holds; all DER. Free with
 * pki_bundle_free. */
struct pki_bundle {
	struct bytes cert, key; /* the key: PKCS #8 */
	struct bytes chain; /* the certificates above, one behind the other, to
			       the root */
};

/*
 * Reads PEM texts: a CA's certificate, those that issued it in order, up to a
 * self-signed one, which may be the first. With own (the SHA-256 of its SPKI)
 * the certificate has to be that key's; with NULL its private key has to be
 * among them. 0; 1: so far nothing is wrong, and *reason says what is missing;
 * -EBADMSG; -EKEYEXPIRED: one of them is not valid now (in seconds).
 */
int pki_bundle_parse(const void *data, size_t len, const unsigned char *own,
    int64_t now, struct pki_bundle *out, const char **reason);

/* Whether a verifier would accept what this CA issues below a domain.
 * -EBADMSG. */
int pki_bundle_try(const struct pki_bundle *bundle, const void *key,
    size_t key_len, const char *domain, int64_t now, const char **reason);
void pki_bundle_free(struct pki_bundle *bundle);
#define CLEANUP_BUNDLE __attribute__((cleanup(pki_bundle_free)))

/* Calls fn for each of the certificates in a chain until it answers other than
 * 0; answers that. -EBADMSG: it is damaged. */
int pki_chain_each(const void *chain, size_t len,
    int (*fn)(const void *der, size_t len, void *arg), void *arg);

/* --- crl.c: certificate revocation lists (RFC 5280 5) --- */

/* The code of a reason (5.3.1), in any case of letters; -1: none that a
 * certificate can be revoked for here. */
int pki_reason_code(const char *name);
const char *pki_reason_name(int code);

/* Appends the entry of one certificate; at is in seconds. 0 or -ENOMEM. */
int pki_crl_entry(const void *serial, size_t len, int64_t at, int reason,
    struct bytes *entries);

struct pki_crl {
	int64_t number;
	int64_t this_update, next_update; /* seconds */
};

/* Signs a list of version 2 and appends its DER. 0 or -EIO/-ENOMEM. */
int pki_crl(const struct pki_ca *ca, const struct pki_crl *crl,
    const struct bytes *entries, struct bytes *der);

/* --- ca.c and issue.c: certificates (RFC 5280) --- */

/* From the DER of the certificate and the PKCS #8 DER of its key. -EBADMSG if
 * they do not fit. */
int pki_ca_open(const void *cert, size_t cert_len, const void *key,
    size_t key_len, struct pki_ca **out);
void pki_ca_free(struct pki_ca *ca);

enum {
	PKI_SERIAL_MAX = 20,	/* bytes in an outside CA's serial number (RFC
				   5280 4.1.2.2) */
	PKI_NO_LIMIT = INT_MAX, /* a certificate without pathLenConstraint */
};

/* What a certificate says of itself. */
struct pki_cert_info {
	unsigned char serial[PKI_SERIAL_MAX];
	size_t serial_len;
	int64_t not_before, not_after; /* seconds */
};

/* -EBADMSG: no certificate, or one whose serial number or dates RFC 5280 does
 * not allow. */
int pki_cert_info(const void *der, size_t len, struct pki_cert_info *out);

/* pathLenConstraint (RFC 5280 4.2.1.9), or PKI_NO_LIMIT; of any certificate
 * that there is. -EBADMSG. */
int pki_path_length(const void *der, size_t len, int *out);

/* Appends its subject as RFC 4514 text or, for one_line, as OpenSSL's databases
 * have it (/O=Example/CN=x), NUL-terminated. -EBADMSG. */
int pki_cert_subject(
    const void *der, size_t len, bool one_line, struct bytes *out);

struct pki_new_ca {
	const char *subject; /* RFC 4514 */
	const char *uri;     /* subject alternative name, or NULL */
	int path_length;     /* or PKI_NO_LIMIT */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* Signs a signing certificate for a key pair (PKCS #8), by issuer or, if NULL,
 * by itself, and appends its DER. -EBADMSG: the key or the subject is damaged;
 * -EIO. */
int pki_ca_sign(const struct pki_new_ca *want, const void *key, size_t key_len,
    const struct pki_ca *issuer, struct bytes *der);

struct pki_leaf {
	const char *common_name, *unit, *organization;
	const char *uri, *dns; /* the two subject alternative names */
	const unsigned char *spki;
	size_t spki_len;
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* Signs a member's certificate and appends its DER. 0 or -EIO/-ENOMEM. */
int pki_issue(
    const struct pki_ca *ca, const struct pki_leaf *leaf, struct bytes *der);

/* --- check.c --- */

/* What is written down of an issued certificate. */
struct pki_expected {
	const void *serial;
	size_t serial_len;
	const unsigned char *spki_hash; /* NULL: damaged */
	size_t spki_hash_len;		/* so much of it */
	int64_t not_before, not_after;
	const char *uri;
};

/* What is wrong with one, against that, its request and its signing
 * certificate; NULL: nothing. */
const char *pki_check_issued(const void *der, size_t der_len, const void *csr,
    size_t csr_len, const void *ca, size_t ca_len,
    const struct pki_expected *want);

/* The same of a revocation list. */
const char *pki_check_crl(const void *der, size_t len, const void *ca,
    size_t ca_len, const struct pki_crl *want);

#endif
