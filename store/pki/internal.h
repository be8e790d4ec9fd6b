/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_INTERNAL_H
#define STORE_PKI_INTERNAL_H

/* Declarations shared by the files of store/pki. */
#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "store/pki/der.h"
#include "store/pki/pki.h"

/* Switches OpenSSL's allocations in this thread to the secure heap, or back. */
void pki_use_secure_heap(bool on);

/* Whether an allocation for OpenSSL has failed in this thread since the last
 * call. For pki_drain. */
bool pki_alloc_failed(void);

/*
 * ASN.1 types of RFC 2986 and RFC 5280, with the field names of the RFCs. A
 * public key stays as received: OpenSSL's own types decode it, which costs more
 * than a signature.
 */
typedef struct {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *subject_public_key;
} SUBJECT_PUBLIC_KEY_INFO;
DECLARE_ASN1_FUNCTIONS(SUBJECT_PUBLIC_KEY_INFO)

typedef struct {
	ASN1_ENCODING encoding; /* as received: the signed bytes */
	ASN1_INTEGER *version;
	X509_NAME *subject;
	ASN1_STRING *subject_pk_info; /* the whole SEQUENCE, DER */
	STACK_OF(X509_ATTRIBUTE) * attributes;
} CERTIFICATION_REQUEST_INFO;
DECLARE_ASN1_FUNCTIONS(CERTIFICATION_REQUEST_INFO)

typedef struct {
	CERTIFICATION_REQUEST_INFO *info;
	X509_ALGOR *signature_algorithm;
	ASN1_BIT_STRING *signature;
} CERTIFICATION_REQUEST;
DECLARE_ASN1_FUNCTIONS(CERTIFICATION_REQUEST)

/*
 * Three ways to turn an OpenSSL failure into -errno. Each clears the error
 * queue, and returns -ENOMEM if an allocation has failed: the input is not to
 * blame then.
 */

/* Else returns rc. Call it after a success too: for lack of memory OpenSSL
 * silently omits parts of an encoding. */
int pki_drain(int rc);

/* For a failure that no outside bytes can cause: logs it. Else returns -EIO. */
int pki_failed(const char *doing);

/* For outside bytes that are refused: sets *reason. Else returns error. */
int pki_refuse(int error, const char *why, const char **reason);

/* Functions below that return NULL leave the error queue to their caller. */

/* A digest, fetched once: EVP_sha256() would be fetched from the provider,
 * under OpenSSL's locks, whenever it is used. nid: NID_sha256, NID_sha384 or
 * NID_sha512. Not to be freed. */
const EVP_MD *pki_digest(int nid);

/* Hashes into `out`, of EVP_MAX_MD_SIZE bytes. Returns 0, -EIO or -ENOMEM. */
int pki_hash(const EVP_MD *md, const void *data, size_t len, unsigned char *out);

/* --- spki.c --- */

/* A public key. */
struct pki_public_key {
	EVP_PKEY *key;
	/* ready to verify a digest's signature; NULL for other keys than EC */
	EVP_PKEY_CTX *verify;
	struct curve *curve; /* NULL: not from the stock */
};

/* Decodes a subjectPublicKeyInfo. NULL if OpenSSL does not know its type or it
 * is damaged. pki_public_key_free accepts NULL. */
struct pki_public_key *pki_public_key(const unsigned char *spki, size_t len);
void pki_public_key_free(struct pki_public_key *public);

/* Whether it is an EC key as it has to be (RFC 5480): on the named curve P-256,
 * P-384 or P-521, an uncompressed point, DER. Does not look at the point. */
bool pki_spki_is_ec(const unsigned char *spki, size_t len);

/* Whether a subjectPublicKeyInfo has an RSA key (RFC 8017 A.1,
 * rsaEncryption). */
bool pki_spki_is_rsa(const unsigned char *spki, size_t len);

/* The digest for signatures with a key of this type and size; NID_undef if the
 * scheme has its own (Ed25519). */
int pki_signing_digest(const EVP_PKEY *key);

/* Key identifier (RFC 7093 2 method 1): the leftmost 160 bits of SHA-256 of the
 * subjectPublicKey bits. Returns 0, -EIO or -ENOMEM. */
enum { PKI_KEY_ID = 20, PKI_KEY_ID_MAX = 64 /* an outside CA's */ };
int pki_key_id(
    const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID]);

/* --- path.c --- */

/* Verifies a leaf for a purpose (RFC 5280 6.1), with the last certificate as
 * trust anchor. leaf NULL: verifies the first one for any purpose. Returns an
 * X509_V_ code. */
int pki_verify_path(
    const STACK_OF(X509) * certs, X509 *leaf, int purpose, int64_t now);

/* --- issue.c --- */

/* The fields of a certificate to sign, a member's or a signing certificate. */
struct pki_tbs {
	const unsigned char *serial;
	int64_t not_before, not_after; /* seconds */
	const unsigned char *spki;
	size_t spki_len;
	const struct bytes *subject;	/* DER */
	const struct bytes *extensions; /* DER, one after the other */
};

/* Signs and appends the certificate's DER. Returns 0, -EIO or -ENOMEM. */
int pki_certificate(
    const struct pki_tbs *tbs, const struct pki_ca *issuer, struct bytes *der);

/* Writes an OBJECT IDENTIFIER that OpenSSL has a number for. */
void pki_oid(struct der *der, int nid);

/* Begins an extension; its value is written into it. */
struct pki_extension {
	size_t whole, value; /* for der_end */
};
struct pki_extension pki_extension_begin(
    struct der *der, int nid, bool critical);
void pki_extension_end(struct der *der, struct pki_extension at);

/* Writes an extension with this value, DER. */
void pki_extension(
    struct der *der, int nid, bool critical, const void *value, size_t len);

/* Writes subjectAltName (RFC 5280 4.2.1.6) with a URI and a DNS name, either of
 * which may be NULL, and n more names. */
void pki_alternative_names(struct der *der, const char *uri, const char *dns,
    const struct pki_name *name, int n);

/* Write subjectKeyIdentifier and authorityKeyIdentifier (RFC 5280 4.2.1.2,
 * 4.2.1.1). */
void pki_subject_key_id(struct der *der, const unsigned char *id, size_t len);
void pki_authority_key_id(struct der *der, const struct pki_ca *issuer);

/* Appends a SEQUENCE of what is signed, DER, the algorithm and the signature,
 * which is verified. Returns 0, -EIO (also: it does not verify) or -ENOMEM. */
int pki_signed(
    const struct pki_ca *ca, const struct bytes *signed_der, struct bytes *out);

/* --- ca.c --- */

struct pki_ca {
	EVP_PKEY *key;
	/* Ready to sign with the key: a digest with sign or, if the scheme has
	 * its own, a message with sign_message. Each signature uses a copy: to
	 * fetch the algorithms anew takes OpenSSL's locks, for which threads
	 * wait. */
	EVP_PKEY_CTX *sign;
	EVP_MD_CTX *sign_message;
	const EVP_MD *digest;
	/* Likewise for what was signed. */
	EVP_PKEY_CTX *verify;
	EVP_MD_CTX *verify_message;
	struct bytes algorithm; /* of its signatures, DER */
	struct bytes subject; /* DER; the issuer of the certificates it signs */
	/* its subjectKeyIdentifier, or pki_key_id if it has none */
	unsigned char key_id[PKI_KEY_ID_MAX];
	size_t key_id_len;
	/* extensions of what it issues, DER: see pki_ca_tell */
	struct bytes told;
	STACK_OF(X509) * path; /* see pki_ca_above; NULL: unknown */
	int64_t path_until;    /* the first notAfter in it, seconds */
	bool constrained; /* it verifies some certificates and not others */
	bool proven;	  /* one that it issued has been verified */
};

/* Reads a date, in seconds. Returns 0 or -EBADMSG. */
int pki_time(const ASN1_TIME *time, int64_t *out);

/* Decodes one certificate, to be freed; NULL if it is damaged or followed by
 * anything. */
X509 *pki_x509(const void *der, size_t len);

/* Decodes a private key from PKCS #8 DER (RFC 5958) into the secure heap, to be
 * freed; NULL if it is damaged. */
EVP_PKEY *pki_key_in(const void *der, size_t len);
/* Appends a private key as PKCS #8 DER. Returns 0, -EIO or -ENOMEM. */
int pki_key_out(const EVP_PKEY *key, struct bytes *out);

/* Names a key's algorithm, as in pki_key_info. Returns 0 or -EBADMSG (of a type
 * or size that is not supported). */
int pki_algorithm(EVP_PKEY *key, char out[PKI_ALGORITHM]);

/* Appends a key's subjectPublicKeyInfo, DER. Returns 0, -EIO or -ENOMEM. */
int pki_key_spki(EVP_PKEY *key, struct bytes *out);

/* Parses RFC 4514 text into a name, to be freed. NULL if it is refused, with
 * *reason, or out of memory. */
X509_NAME *pki_name(const char *text, const char **reason);

/* Appends a name as RFC 4514 text, NUL-terminated. Returns 0 or -ENOMEM. */
int pki_name_text(const X509_NAME *name, struct bytes *out);

#endif
