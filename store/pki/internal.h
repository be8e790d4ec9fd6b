/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_INTERNAL_H
#define STORE_PKI_INTERNAL_H

/* What the files of this fence share. */
#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "store/pki/pki.h"

/* Between begins and its end, what OpenSSL allocates in this thread is secret:
 * see pki_start. */
void pki_secret(bool begins);

/* Whether OpenSSL was refused memory in this thread since this was asked last.
 * For pki_drain. */
bool pki_starved(void);

/*
 * The ASN.1 of a request and of a certificate, with the names that RFC 2986 and
 * RFC 5280 give the fields. A public key stays the bytes it arrived as:
 * OpenSSL's own types would decode and encode it again on every certificate,
 * which costs more than the signature.
 */
typedef struct {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *subject_public_key;
} SUBJECT_PUBLIC_KEY_INFO;
DECLARE_ASN1_FUNCTIONS(SUBJECT_PUBLIC_KEY_INFO)

typedef struct {
	ASN1_ENCODING encoding; /* as received: this is what was signed */
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
	ASN1_STRING *revoked_certificates; /* DER, NULL: none */
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
 * The three ways to take OpenSSL's word for a failure. Each empties its error
 * queue and answers -ENOMEM if it was refused memory: then nothing is wrong
 * with what it was given.
 */

/* Else rc. Also where nothing seems to have failed: OpenSSL leaves out of an
 * encoding what it got no memory for, and says nothing. */
int pki_drain(int rc);

/* OpenSSL failed where outside bytes are not to blame: logs why. Else -EIO. */
int pki_failed(const char *doing);

/* Outside bytes are: with the reason. Else error. */
int pki_refuse(int error, const char *why, const char **reason);

/* Those that answer NULL leave that to who called them. */

/* The key of a subjectPublicKeyInfo, or NULL if it is none that OpenSSL
 * knows. */
EVP_PKEY *pki_spki_key(const unsigned char *spki, size_t len);

/* Whether it is an RSA key (RFC 8017 A.1, rsaEncryption). */
bool pki_spki_is_rsa(const unsigned char *spki, size_t len);

/* The digest that a key of this type signs with; NULL where the scheme has its
 * own (Ed25519). */
const EVP_MD *pki_signing_digest(const EVP_PKEY *key);

/* RFC 7093 2 method 1: the leftmost 160 bits of SHA-256 of the subjectPublicKey
 * bits. 0 or -EIO. */
enum { PKI_KEY_ID = 20, PKI_KEY_ID_MAX = 64 /* of an outside CA */ };
int pki_key_id(
    const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID]);

/* Appends one attribute of a distinguished name as UTF8String (RFC 5280
 * 4.1.2.4). 0 or -ENOMEM. */
int pki_name_add(X509_NAME *name, int nid, const char *text);

/* What is in a certificate before it is signed, for members and signing
 * certificates alike. */
struct pki_tbs {
	const unsigned char *serial;
	int64_t not_before, not_after;

	const unsigned char *spki;
	size_t spki_len;
	X509_NAME *subject;		       /* borrowed */
	STACK_OF(X509_EXTENSION) * extensions; /* borrowed */
};

/* Signs and appends the certificate's DER. 0 or -EIO/-ENOMEM. */
int pki_certificate(
    const struct pki_tbs *tbs, const struct pki_ca *issuer, struct bytes *der);

/* Appends an extension whose value is the given DER. 0 or -ENOMEM. */
int pki_extension(STACK_OF(X509_EXTENSION) * list, int nid, bool critical,
    const unsigned char *value, size_t len);

/* Append names that somebody goes by (RFC 5280 4.2.1.6); NULL: none of that
 * form. */
int pki_alternative_names(
    STACK_OF(X509_EXTENSION) * list, const char *uri, const char *dns);

/* Append subjectKeyIdentifier and authorityKeyIdentifier (RFC 5280 4.2.1.2,
 * 4.2.1.1). */
int pki_subject_key_id(
    STACK_OF(X509_EXTENSION) * list, const unsigned char *id, size_t len);
int pki_authority_key_id(
    STACK_OF(X509_EXTENSION) * list, const struct pki_ca *issuer);

struct pki_ca {
	EVP_PKEY *key;
	struct bytes
	    subject; /* DER of its name: what it signs names it as issuer */
	unsigned char key_id[PKI_KEY_ID_MAX]; /* its subjectKeyIdentifier, or
						 what ours would be */
	size_t key_id_len;
};

/* One certificate and nothing behind it, or NULL. */
X509 *pki_x509(const void *der, size_t len);

/* A private key from and to PKCS #8 DER (RFC 5958); NULL if it is none. */
EVP_PKEY *pki_key_in(const void *der, size_t len);
int pki_key_out(const EVP_PKEY *key, struct bytes *out);

/* Appends a key's subjectPublicKeyInfo. */
int pki_key_spki(EVP_PKEY *key, struct bytes *out);

/* A name from RFC 4514 text; NULL, with *reason unless memory is out. */
X509_NAME *pki_name(const char *text, const char **reason);

/* The reverse, NUL-terminated. */
int pki_name_text(const X509_NAME *name, struct bytes *out);

#endif
