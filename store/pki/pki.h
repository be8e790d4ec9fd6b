/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_PKI_H
#define STORE_PKI_PKI_H

/*
 * The only interface to OpenSSL: sealing, provisioning keys as text,
 * certificate requests, certificates, revocation lists.
 *
 * Functions return 0 or -errno. Each may return -ENOMEM, and each that hashes
 * or signs -EIO (OpenSSL failed, which is logged); contracts name them only
 * where they are the only errors. An output parameter of type struct bytes is
 * appended to; the caller frees it with bytes_free.
 *
 * A parameter `reason` receives a constant text for people when the input is
 * refused. It is never a secret and is not freed.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"
#include "store/base/name.h"
#include "store/pki/document.h"

enum {
	PKI_HASH = 32,	 /* SHA-256, bytes */
	PKI_SERIAL = 16, /* a serial number made here, bytes */
	PKI_SECRET = 32, /* a provisioning key's secret; the master key */
};

/* Fills out with n random bytes from OpenSSL's private DRBG. Returns 0, -EIO or
 * -ENOMEM. */
int pki_random(void *out, size_t n);

/* SHA-256 (FIPS 180-4). Returns 0, -EIO or -ENOMEM. */
int pki_sha256(const void *data, size_t len, unsigned char out[PKI_HASH]);

/* The same as NUL-terminated base64 (RFC 4648 4), as it stands in a policy of
 * W3C CSP. */
enum { PKI_HASH_BASE64 = (PKI_HASH + 2) / 3 * 4 + 1 };
int pki_sha256_base64(const void *data, size_t len, char out[PKI_HASH_BASE64]);

/* Compares n bytes in constant time. */
bool pki_equal(const void *a, const void *b, size_t n);

/*
 * Makes a random serial number of 128 bits (RFC 5280 4.1.2.2: positive, at most
 * 20 octets). The first byte is never 0: tools that strip leading zeros print
 * the same hex as we do. Returns 0, -EIO or -ENOMEM.
 */
int pki_serial(unsigned char out[PKI_SERIAL]);

/* --- memory.c --- */

/*
 * Sets up OpenSSL's secure heap, locked memory for private keys and the master
 * key (OPENSSL_secure_malloc(3)). Call it once, before any other function here.
 * Without locked memory it logs a notice, and keys may be swapped out.
 */
void pki_start(void);

/* --- seal.c: AES-256-GCM under the master key (NIST SP 800-38D) --- */

struct pki_sealer;

/*
 * Makes the sealer of one store; key is copied. At most 63 bytes of store_id
 * count. Returns 0, -EIO or -ENOMEM. pki_sealer_free wipes and frees it, and
 * accepts NULL.
 */
int pki_sealer_new(const unsigned char key[PKI_SECRET], const char *store_id,
    struct pki_sealer **out);
void pki_sealer_free(struct pki_sealer *sealer);

/*
 * Encrypts a value of row `id` of `kind`. The store's id, kind and row are
 * associated data, so the ciphertext does not open for another row, kind or
 * store. Returns 0, -EIO or -ENOMEM.
 */
int pki_seal(const struct pki_sealer *sealer, const char *kind, int64_t id,
    const void *plain, size_t len, struct bytes *out);

/*
 * Decrypts a value that pki_seal encrypted. Nothing is appended on failure.
 * Returns 0, or -EBADMSG (damaged, of another row or store, or sealed under
 * another master key).
 */
int pki_unseal(const struct pki_sealer *sealer, const char *kind, int64_t id,
    const void *sealed, size_t len, struct bytes *out);

/* HMAC-SHA-256 (FIPS 198-1) under a key derived from the master key, for the
 * export. Returns 0, -EIO or -ENOMEM. */
int pki_mac(const struct pki_sealer *sealer, const void *data, size_t len,
    unsigned char out[PKI_HASH]);

/* --- keytext.c: a provisioning key as text --- */

struct pki_key_text {
	char domain[DOMAIN_MAX_LEN + 1];
	int64_t id;
	unsigned char secret[PKI_SECRET];
	unsigned char root[PKI_HASH]; /* SHA-256 of the trust anchor's DER */
};

/* Length in bytes of the text with its newline, for a domain of domain_len
 * bytes. */
size_t pki_key_text_len(size_t domain_len);

/* Appends `1|<domain>|<base64>` and a newline. Returns 0, -EIO or -ENOMEM. */
int pki_key_text_format(const struct pki_key_text *key, struct bytes *out);

/*
 * Parses one line without its newline. The caller wipes *out. *reason is NULL
 * on success. Returns 0, or -EBADMSG (not of this form, or the checksum is
 * wrong: truncated or mistyped).
 */
int pki_key_text_parse(const char *line, size_t len, struct pki_key_text *out,
    const char **reason);

/*
 * Finds the key's text at the beginning of the bytes received so far. A UTF-8
 * byte order mark and white space may precede it; quotes and line breaks inside
 * of it are refused. More bytes never turn a refusal into success. Pure. The
 * caller wipes *out, which is filled only with 1.
 *
 * Returns 1 (found; *end is the offset behind it), 0 (incomplete so far), or
 * -EBADMSG (cannot become a key).
 */
int pki_key_text_find(const void *data, size_t len, struct pki_key_text *out,
    size_t *end, const char **reason);

/* --- secret.c --- */

/*
 * Whether a text holds a secret: a provisioning key of any domain, the base64
 * part of a key of this domain, or the BEGIN line of a PEM private key. Blanks,
 * line breaks, quotes and NULs within do not hide it. Pure. Returns 1, 0,
 * -ENOMEM or -EIO.
 */
int pki_holds_secret(const void *data, size_t len, const char *domain);

/* --- pem.c --- */

#define PKI_LABEL_CERTIFICATE "CERTIFICATE"
#define PKI_LABEL_REQUEST "CERTIFICATE REQUEST"
#define PKI_LABEL_CRL "X509 CRL"

/* Appends DER as PEM (RFC 7468 3). Returns 0 or -ENOMEM. */
int pki_pem(const char *label, const void *der, size_t len, struct bytes *out);

/* The number of bytes that pki_pem appends. */
size_t pki_pem_len(const char *label, size_t der_len);

/* --- csr.c: PKCS #10 certificate requests (RFC 2986) --- */

struct pki_csr;

/*
 * Finds the first request in the bytes received so far, like pki_document, and
 * with its results. A PEM with another label is refused as soon as the label is
 * complete: -EINVAL (a private key) or -EBADMSG.
 */
int pki_csr_find(const void *data, size_t len, struct pki_document *out,
    const char **reason);

/*
 * Parses one request, PEM (RFC 7468 7) or DER, with nothing but white space
 * behind it; see document.h for text before it. Free with pki_csr_free, which
 * accepts NULL. On failure *out is NULL, and *reason may be.
 *
 * Returns 0, -EBADMSG (not a request), -EINVAL (a private key or a provisioning
 * key), or -EFBIG (DER of 64 KiB or more).
 */
int pki_csr_parse(
    const void *data, size_t len, struct pki_csr **out, const char **reason);
void pki_csr_free(struct pki_csr *csr);
#define CLEANUP_CSR __attribute__((cleanup(pki_csr_cleanup)))
void pki_csr_cleanup(struct pki_csr **csr);

/* Verifies the proof of possession (RFC 2986 4.2, signature). Returns 0 or
 * -EKEYREJECTED. */
int pki_csr_verify(const struct pki_csr *csr, const char **reason);

/*
 * Checks the request against the policy for enrollment. Keys: RSA of 2048 to
 * 8192 bits with an odd exponent from 3 to 2^32 - 1, EC on the named curves
 * P-256, P-384, P-521 (RFC 5480, uncompressed points), Ed25519 (RFC 8410), in
 * DER. Signature: pki_csr_strong. A common name of 64 hex digits is refused: it
 * makes the request a proof for renewal. Returns 0 or -EBADMSG.
 */
int pki_csr_allowed(const struct pki_csr *csr, const char **reason);

/* Whether it is signed with SHA-256 or better, or Ed25519. Returns 0 or
 * -EBADMSG. */
int pki_csr_strong(const struct pki_csr *csr, const char **reason);

/* Parts of the request, valid as long as it is: its DER, its
 * subjectPublicKeyInfo as received, and the SHA-256 of that. */
const unsigned char *pki_csr_der(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki(const struct pki_csr *csr, size_t *len);
const unsigned char *pki_csr_spki_hash(const struct pki_csr *csr);
/* The subject's common name in UTF-8; NULL if there is not exactly one, or it
 * holds a NUL or cannot be decoded. */
const char *pki_csr_common_name(const struct pki_csr *csr);

/* --- asked.c: names and usages that a request asks for --- */

enum pki_name_type {
	PKI_NAME_DNS,
	PKI_NAME_IP,
	PKI_NAME_URI,
	PKI_NAME_OTHER,
};

/* A GeneralName (RFC 5280 4.2.1.6) as received; nothing of it has been
 * checked. */
struct pki_name {
	enum pki_name_type type;
	int tag; /* 0 to 8 */
	const unsigned char *at;
	size_t len;
};

/* extKeyUsage (RFC 5280 4.2.1.12), as bits. */
enum {
	PKI_CLIENT_AUTH = 1,
	PKI_SERVER_AUTH = 2,
	PKI_USAGES = PKI_CLIENT_AUTH | PKI_SERVER_AUTH,
};

enum {
	PKI_ASKED_MAX = 100, /* names in a request */
	PKI_NAMES_OURS = 2,  /* that pki_issue writes into each certificate */
	PKI_NAMES_MAX = PKI_ASKED_MAX + PKI_NAMES_OURS,
};

/*
 * What a request asks for, or a certificate has. A fault is a constant text,
 * why it can never be given: more names than fit, an encoding that is not DER,
 * an extension that is there twice, another usage than the two above. It
 * completes "the certificate request ...". With a fault, the names or usages
 * that it is about must not be used.
 */
struct pki_asked {
	bool has_names, has_usages; /* the extension is there */
	const char *names_fault, *usages_fault;
	int names;
	struct pki_name name[PKI_NAMES_MAX]; /* each once, in this order */
	unsigned usages;
};

/*
 * Reads the subjectAltName and the extKeyUsage of the extensionRequest
 * attribute (RFC 2985 5.4.2), or of Microsoft's attribute of the same content.
 * Other extensions are ignored. The names point into the request. Each
 * GeneralName counts against PKI_ASKED_MAX; one that is there twice is listed
 * once. Pure.
 */
void pki_csr_asked(const struct pki_csr *csr, struct pki_asked *out);

/* Reads the same of a certificate, DER; there may be PKI_NAMES_MAX names, ours
 * among them. The names point into der. Pure. */
void pki_cert_asked(const void *der, size_t len, struct pki_asked *out);

/* Whether the names are the same. */
bool pki_name_equal(const struct pki_name *a, const struct pki_name *b);

/* Whether a name is among those asked for. */
bool pki_asked_name(const struct pki_asked *asked, const struct pki_name *name);

/* Takes our own names, this URI and this DNS name, out of the list. */
void pki_asked_remove(struct pki_asked *asked, const char *uri, const char *dns);

/* Whether two lists have the same names, in any order. */
bool pki_asked_same_names(const struct pki_asked *a, const struct pki_asked *b);

/* A signing certificate with its private key. Immutable; several threads may
 * sign with it. */
struct pki_ca;

/* --- key.c and subject.c: key pairs and names of signing certificates --- */

enum { PKI_ALGORITHM = 16 };

struct pki_key_info {
	char algorithm[PKI_ALGORITHM];	   /* ec-p256, rsa-3072 ... */
	unsigned char spki_hash[PKI_HASH]; /* SHA-256 of the public key's SPKI */
};

/* The algorithm of a request's key, as in pki_key_info. Returns 0, or -EBADMSG
 * (of a type or size that pki_csr_allowed refuses). */
int pki_csr_algorithm(const struct pki_csr *csr, char out[PKI_ALGORITHM]);

/* Whether pki_key_make knows this algorithm: ec-p256 ec-p384 ed25519 rsa-2048
 * rsa-3072 rsa-4096. */
bool pki_key_algorithm(const char *name);

/* Generates a key pair and appends its PKCS #8 DER (RFC 5958), not encrypted.
 * Returns 0, -EIO (also: unknown algorithm) or -ENOMEM. */
int pki_key_make(const char *algorithm, struct bytes *key);

/* Reads algorithm and hash from PKCS #8 DER. Returns 0, or -EBADMSG (not a
 * private key, or of a type or size that may not sign here). */
int pki_key_describe(const void *key, size_t len, struct pki_key_info *out);

/*
 * Parses a distinguished name (RFC 4514) and appends its normal form,
 * NUL-terminated. Text may have been appended when it fails. Returns 0 or
 * -EINVAL.
 */
int pki_subject(const char *text, struct bytes *out, const char **reason);

/* Appends a certificate request (RFC 2986), DER, for a private key and a name,
 * with uri as subject alternative name unless NULL. Returns 0, or -EBADMSG (the
 * key or the name is damaged). */
int pki_request(const void *key, size_t len, const char *subject,
    const char *uri, struct bytes *csr);

/* Likewise under the name of a certificate (DER), without a subject alternative
 * name. */
int pki_request_again(const void *key, size_t len, const void *cert,
    size_t cert_len, struct bytes *csr);

/* --- bundle.c: certificates from an outside CA --- */

/* The content of an outside CA's reply, or of one that is imported. Free with
 * pki_bundle_free. */
struct pki_bundle {
	struct bytes cert;  /* DER */
	struct bytes key;   /* PKCS #8 DER; empty if the CSR's key is used */
	struct bytes chain; /* issuers, concatenated DER, the root last */
};

/*
 * Parses a CA certificate and its issuers up to a self-signed one, at most 10
 * in all. PEM certificates come in this order; PKCS #7, as PEM or DER, in any.
 *
 * own is the SHA-256 of the SPKI that the certificate must have; with NULL, its
 * private key must be in the input. now is in seconds.
 *
 * Returns 0, 1 (incomplete so far: *reason names the missing part), -EBADMSG,
 * -EINVAL (a private key despite own, or a provisioning key), -EFBIG (DER of 64
 * KiB or more), or -EKEYEXPIRED (a certificate is not valid at now). Unless it
 * returns 0, *out is empty.
 */
int pki_bundle_parse(const void *data, size_t len, const unsigned char *own,
    int64_t now, struct pki_bundle *out, const char **reason);

/* pki_bundle_parse of a certificate and its issuers that are here, however
 * many. Returns as it does. */
int pki_chain_check(const void *data, size_t len, const unsigned char *own,
    int64_t now, const char **reason);

/*
 * Issues a sample certificate below a domain and verifies it as a TLS client's
 * and server's (RFC 5280 6.1), to find constraints of the chain that would make
 * every certificate useless. Returns 0 or -EBADMSG; *reason is NULL if the
 * bundle and the key do not fit.
 */
int pki_bundle_try(const struct pki_bundle *bundle, const void *key,
    size_t key_len, const char *domain, int64_t now, const char **reason);
void pki_bundle_free(struct pki_bundle *bundle);
#define CLEANUP_BUNDLE __attribute__((cleanup(pki_bundle_free)))

/* Calls fn for each certificate of a chain until it returns non-zero, and
 * returns that. An empty chain returns 0. -EBADMSG: the chain is damaged. */
int pki_chain_each(const void *chain, size_t len,
    int (*fn)(const void *der, size_t len, void *arg), void *arg);

/* --- crl.c: certificate revocation lists (RFC 5280 5) --- */

/* The code of a reason (RFC 5280 5.3.1), case-insensitive. -1: unknown, or not
 * supported here (certificateHold, removeFromCRL). */
int pki_reason_code(const char *name);

/* The name of a code that pki_reason_code returned. */
const char *pki_reason_name(int code);

/* Appends one entry; the serial number has 1 to PKI_SERIAL_MAX bytes, at is in
 * seconds. Returns 0, or -ENOMEM (also: the serial number is longer). */
int pki_crl_entry(const void *serial, size_t len, int64_t at, int reason,
    struct bytes *entries);

/* Appends the entries of a list, one behind the other as from pki_crl_entry.
 * Returns 0, -EBADMSG (not a list) or -ENOMEM. */
int pki_crl_entries(const void *der, size_t len, struct bytes *entries);

/* The length of the list that these bytes begin with; 0: there is none. */
size_t pki_crl_len(const void *der, size_t len);

struct pki_crl {
	int64_t number;
	int64_t this_update, next_update; /* seconds */
};

/* Signs a version 2 list and appends its DER. entries: from pki_crl_entry; may
 * be empty. Returns 0, -EIO or -ENOMEM. */
int pki_crl(const struct pki_ca *ca, const struct pki_crl *crl,
    const struct bytes *entries, struct bytes *der);

/* --- ca.c and issue.c: certificates (RFC 5280) --- */

/* Reads a certificate's DER and the PKCS #8 DER of its key. Returns 0, or
 * -EBADMSG (damaged, or they do not fit). pki_ca_free accepts NULL. */
int pki_ca_open(const void *cert, size_t cert_len, const void *key,
    size_t key_len, struct pki_ca **out);
void pki_ca_free(struct pki_ca *ca);

/* --- url.c: where relying parties find lists and issuers --- */

enum { PKI_URLS = 8, PKI_URL_MAX = 512 /* bytes */ };

/*
 * Checks URLs, one a line: at most PKI_URLS, of http or ldap (RFC 5280
 * 4.2.1.13; 8: not of https), ASCII, each complete. Returns 0 (also: no line),
 * or -EINVAL.
 */
int pki_urls(const char *lines, const char **reason);

/* Puts URLs, as pki_urls checks them, into all that the CA issues: of its
 * revocation list as the CRL distribution point, of its own certificate as
 * caIssuers. Call it at most once, before others use the CA. Returns 0 or
 * -ENOMEM. */
int pki_ca_tell(
    struct pki_ca *ca, const char *crl_urls, const char *issuer_urls);

enum {
	PKI_SERIAL_MAX = 20,	/* bytes, RFC 5280 4.1.2.2 */
	PKI_NO_LIMIT = INT_MAX, /* no pathLenConstraint */
};

struct pki_cert_info {
	unsigned char serial[PKI_SERIAL_MAX];
	size_t serial_len;
	int64_t not_before, not_after; /* seconds */
};

/* Reads serial number and validity. Returns 0, or -EBADMSG (not a certificate,
 * its serial number is negative or longer than RFC 5280 4.1.2.2 allows, or a
 * date cannot be read). */
int pki_cert_info(const void *der, size_t len, struct pki_cert_info *out);

/* Reads pathLenConstraint (RFC 5280 4.2.1.9); PKI_NO_LIMIT if there is none or
 * it is above 255. Returns 0 or -EBADMSG. */
int pki_path_length(const void *der, size_t len, int *out);

/* Appends the subject, NUL-terminated: as RFC 4514 text or, for one_line, as in
 * the database of openssl-ca(1) (/O=Example/CN=x). Returns 0 or -EBADMSG. */
int pki_cert_subject(
    const void *der, size_t len, bool one_line, struct bytes *out);

struct pki_new_ca {
	const char *subject; /* RFC 4514 */
	const char *uri;     /* subject alternative name, or NULL */
	int path_length;     /* or PKI_NO_LIMIT */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* Signs a signing certificate for a key pair (PKCS #8 DER) and appends its DER.
 * issuer NULL: self-signed. Returns 0, or -EBADMSG (the key or the subject is
 * damaged). */
int pki_ca_sign(const struct pki_new_ca *want, const void *key, size_t key_len,
    const struct pki_ca *issuer, struct bytes *der);

/* Signs a certificate for another CA's subject, public key and key identifier,
 * and appends its DER; want->subject does not count. Returns 0 or -errno. */
int pki_ca_cross(const struct pki_new_ca *want, const struct pki_ca *ca,
    const struct pki_ca *issuer, struct bytes *der);

struct pki_leaf {
	const char *common_name, *unit, *organization;
	const char *uri, *dns;	     /* subject alternative names */
	const struct pki_name *name; /* more of them, DNS and IP only */
	int names;
	unsigned usages; /* PKI_CLIENT_AUTH, PKI_SERVER_AUTH; 0: both */
	const unsigned char *spki;
	size_t spki_len;
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after; /* seconds */
};

/* --- path.c --- */

/* Adds a certificate (DER) of the chain of a CA: its own, then its issuers, the
 * root last. Call it before others use the CA. Returns 0, -EBADMSG or
 * -ENOMEM. */
int pki_ca_above(struct pki_ca *ca, const void *der, size_t len);

/*
 * Verifies a certificate that the CA has signed along its chain, for all that
 * it may be used for (RFC 5280 6.1); pki_issue and pki_ca_sign have verified
 * the signature. Along a chain without constraints that is done once. now is in
 * seconds. Returns 0 (also: the chain is unknown), -EPERM (name constraints,
 * path length, extended key usages), -EKEYEXPIRED, or -EIO.
 */
int pki_ca_verify(struct pki_ca *ca, const struct bytes *der, int64_t now,
    const char **reason);

/* Signs a member's certificate and appends its DER. Returns 0, -EIO (also:
 * another type of name) or -ENOMEM. */
int pki_issue(
    const struct pki_ca *ca, const struct pki_leaf *leaf, struct bytes *der);

/* --- check.c --- */

/* The stored facts about an issued certificate. */
struct pki_expected {
	const void *serial;
	size_t serial_len;
	const unsigned char *spki_hash; /* NULL: damaged in the store */
	size_t spki_hash_len;		/* compared prefix, at most PKI_HASH */
	int64_t not_before, not_after;	/* seconds */
	const char *uri, *dns; /* beside them only other DNS names, IPs */
};

/* Compares a certificate with the stored facts, its request and its signing
 * certificate, all DER. Returns NULL if they agree, else a constant text that
 * completes "the certificate ...". */
const char *pki_check_issued(const void *der, size_t der_len, const void *csr,
    size_t csr_len, const void *ca, size_t ca_len,
    const struct pki_expected *want);

/* Likewise compares a revocation list with its number, dates and signing
 * certificate. */
const char *pki_check_crl(const void *der, size_t len, const void *ca,
    size_t ca_len, const struct pki_crl *want);

/* Likewise compares a certificate that pki_ca_cross has made with both. */
const char *pki_check_cross(const void *der, size_t len, const void *ca,
    size_t ca_len, const void *issuer, size_t issuer_len);

#endif
