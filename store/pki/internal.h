/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_INTERNAL_H
#define STORE_PKI_INTERNAL_H

/* Declarations shared by the files of store/pki. */
#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "store/pki/pki.h"

/* Switches OpenSSL's allocations in this thread to the secure heap, or back. */
void pki_use_secure_heap(bool on);

/* Whether an allocation for OpenSSL has failed in this thread since the last
 * call. For pki_drain. */
bool pki_alloc_failed(void);

/*
 * ASN.1 types of RFC 2986 and RFC 5280, with the field names of the RFCs. A
 * public key stays as received: OpenSSL's own types decode and encode it again
 * for every certificate, which costs more than the signature.
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

typedef struct {
	ASN1_INTEGER *version;
	ASN1_INTEGER *serial_number;
	X509_ALGOR *signature;
	ASN1_STRING *issuer; /* the whole SEQUENCE, DER */
	X509_VAL *validity;
	X509_NAME *subject;
	ASN1_STRING *subject_public_key_info; /* the whole SEQUENCE, DER */
	STACK_OF(X509_EXTENSION) * extensions;
} TBS_CERTIFICATE;
DECLARE_ASN1_FUNCTIONS(TBS_CERTIFICATE)

typedef struct {
	ASN1_INTEGER *version;
	X509_ALGOR *signature;
	ASN1_STRING *issuer; /* the whole SEQUENCE, DER */
	ASN1_TIME *this_update, *next_update;
	ASN1_STRING *revoked_certificates; /* DER; NULL: none */
	STACK_OF(X509_EXTENSION) * extensions;
} TBS_CERT_LIST;
DECLARE_ASN1_FUNCTIONS(TBS_CERT_LIST)

typedef struct {
	TBS_CERT_LIST *tbs_cert_list;
	X509_ALGOR *signature_algorithm;
	ASN1_BIT_STRING *signature;
} CERTIFICATE_LIST;
DECLARE_ASN1_FUNCTIONS(CERTIFICATE_LIST)

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

/* The public key of a subjectPublicKeyInfo, to be freed; NULL if OpenSSL does
 * not know its type or it is damaged. */
EVP_PKEY *pki_spki_key(const unsigned char *spki, size_t len);

/* Whether a subjectPublicKeyInfo has an RSA key (RFC 8017 A.1,
 * rsaEncryption). */
bool pki_spki_is_rsa(const unsigned char *spki, size_t len);

/* The digest for signatures with a key of this type and size; NULL if the
 * scheme has its own (Ed25519). Not to be freed. */
const EVP_MD *pki_signing_digest(const EVP_PKEY *key);

/* Key identifier (RFC 7093 2 method 1): the leftmost 160 bits of SHA-256 of the
 * subjectPublicKey bits. Returns 0, -EIO or -ENOMEM. */
enum { PKI_KEY_ID = 20, PKI_KEY_ID_MAX = 64 /* an outside CA's */ };
int pki_key_id(
    const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID]);

/* Appends one attribute of a distinguished name as UTF8String (RFC 5280
 * 4.1.2.4). Returns 0 or -ENOMEM. */
int pki_name_add(X509_NAME *name, int nid, const char *text);

/* The fields of a certificate to sign, a member's or a signing certificate. */
struct pki_tbs {
	const unsigned char *serial;
	int64_t not_before, not_after; /* seconds */
	const unsigned char *spki;
	size_t spki_len;
	X509_NAME *subject;		       /* borrowed */
	STACK_OF(X509_EXTENSION) * extensions; /* borrowed */
};

/* Signs and appends the certificate's DER. Returns 0, -EIO or -ENOMEM. */
int pki_certificate(
    const struct pki_tbs *tbs, const struct pki_ca *issuer, struct bytes *der);

/* Appends an extension with this value, DER. Returns 0 or -ENOMEM. */
int pki_extension(STACK_OF(X509_EXTENSION) * list, int nid, bool critical,
    const unsigned char *value, size_t len);

/* Appends subjectAltName (RFC 5280 4.2.1.6) with a URI and a DNS name, either
 * of which may be NULL. Returns 0 or -ENOMEM. */
int pki_alternative_names(
    STACK_OF(X509_EXTENSION) * list, const char *uri, const char *dns);

/* Append subjectKeyIdentifier and authorityKeyIdentifier (RFC 5280 4.2.1.2,
 * 4.2.1.1). Return 0 or -ENOMEM. */
int pki_subject_key_id(
    STACK_OF(X509_EXTENSION) * list, const unsigned char *id, size_t len);
int pki_authority_key_id(
    STACK_OF(X509_EXTENSION) * list, const struct pki_ca *issuer);

struct pki_ca {
	EVP_PKEY *key;
	/* Ready to sign with the key. Each signature uses a copy: to fetch the
	 * algorithms anew takes OpenSSL's locks, for which threads wait. */
	EVP_MD_CTX *signing;
	struct bytes subject; /* DER; the issuer of the certificates it signs */
	/* its subjectKeyIdentifier, or pki_key_id if it has none */
	unsigned char key_id[PKI_KEY_ID_MAX];
	size_t key_id_len;
};

/* Decodes one certificate, to be freed; NULL if it is damaged or followed by
 * anything. */
X509 *pki_x509(const void *der, size_t len);

/* Decodes a private key from PKCS #8 DER (RFC 5958) into the secure heap, to be
 * freed; NULL if it is damaged. */
EVP_PKEY *pki_key_in(const void *der, size_t len);
/* Appends a private key as PKCS #8 DER. Returns 0, -EIO or -ENOMEM. */
int pki_key_out(const EVP_PKEY *key, struct bytes *out);

/* Appends a key's subjectPublicKeyInfo, DER. Returns 0, -EIO or -ENOMEM. */
int pki_key_spki(EVP_PKEY *key, struct bytes *out);

/* Parses RFC 4514 text into a name, to be freed. NULL if it is refused, with
 * *reason, or out of memory. */
X509_NAME *pki_name(const char *text, const char **reason);

/* Appends a name as RFC 4514 text, NUL-terminated. Returns 0 or -ENOMEM. */
int pki_name_text(const X509_NAME *name, struct bytes *out);

#endif
