/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Parses an outside CA's reply: PEM documents or PKCS #7, in any number of
 * writes. Each call starts over from the first byte and works strictly in
 * order, so an error surfaces in the write that contains it.
 */

enum { CERTS_MAX = 10 };

struct bundle_reader {
	/* SPKI hash that the certificate must have; NULL: that of key */
	const unsigned char *own;
	int most; /* certificates in the chain */
	const char **reason;
	EVP_PKEY *key;		/* read from the input, or NULL */
	STACK_OF(X509) * certs; /* each issued by the next */
	bool has_root;		/* the last one is self-signed */
};

static int refuse(const struct bundle_reader *r, const char *why)
{
	return pki_refuse(-EBADMSG, why, r->reason);
}

/* --- certificates --- */

/* Checks the requirements for any certificate of the chain (RFC 5280 4.2.1.9,
 * 4.2.1.3). */
static int check_ca(const struct bundle_reader *r, X509 *x)
{
	uint32_t flags = X509_get_extension_flags(x),
		 usage = X509_get_key_usage(x);

	/* RFC 5280 4.1.2.4, 4.1.2.6 */
	if (X509_NAME_entry_count(X509_get_subject_name(x)) == 0)
		return refuse(r, "a certificate has no subject");
	if (flags & EXFLAG_INVALID)
		return refuse(r, "a certificate has damaged extensions");
	if (!(flags & EXFLAG_CA))
		return refuse(r,
		    "a certificate is not a CA's: basicConstraints CA:TRUE is missing");
	if (!(usage & KU_KEY_CERT_SIGN))
		return refuse(r,
		    "a certificate's keyUsage does not allow it to sign certificates");
	return 0;
}

static int spki_hash(X509 *x, unsigned char hash[PKI_HASH])
{
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	int rc = n > 0 ? pki_sha256(spki, (size_t)n, hash) : -EBADMSG;

	OPENSSL_free(spki);
	return rc;
}

/* Checks the first certificate, which will sign here. */
static int check_own(const struct bundle_reader *r, X509 *x)
{
	unsigned char hash[PKI_HASH];

	if (spki_hash(x, hash))
		return refuse(
		    r, "the certificate has no public key of a known type");
	if (r->own && memcmp(hash, r->own, PKI_HASH) != 0)
		return refuse(r,
		    "the first certificate is for another key than that of csr.pem");
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(x);
	if (id && ASN1_STRING_length(id) > PKI_KEY_ID_MAX)
		return refuse(r,
		    "the certificate's subjectKeyIdentifier has more than 64 bytes");
	if (!(X509_get_key_usage(x) & KU_CRL_SIGN))
		return refuse(r,
		    "the certificate's keyUsage does not allow it to sign CRLs");
	return 0;
}

static int check_issued(
    const struct bundle_reader *r, X509 *issuer, X509 *subject)
{
	if (r->has_root)
		return refuse(
		    r, "there is a certificate behind the self-signed one");
	if (X509_check_issued(issuer, subject) != X509_V_OK ||
	    X509_verify(subject, X509_get0_pubkey(issuer)) != 1)
		return refuse(r,
		    "a certificate did not issue the one before it: the order is the certificate, its issuer, and so on up to the self-signed one");
	return 0;
}

/* Adds the next certificate of the chain. Takes ownership of x. */
static int add_cert(struct bundle_reader *r, X509 *x)
{
	int n = sk_X509_num(r->certs);
	int rc = n >= r->most ? refuse(r, "the chain is too long") : 0;

	if (!rc)
		rc = check_ca(r, x);
	if (!rc)
		rc = n ? check_issued(r, x, sk_X509_value(r->certs, n - 1))
		       : check_own(r, x);
	if (rc || sk_X509_push(r->certs, x) <= 0) {
		X509_free(x);
		return rc ? rc : pki_drain(-ENOMEM);
	}
	r->has_root = X509_self_signed(x, 1) == 1;
	return pki_drain(0);
}

/* --- PKCS #7, a set of certificates without order (RFC 2315 9.1) --- */

/* Whether x continues the chain, or can begin it. */
static bool continues_chain(
    const struct bundle_reader *r, const STACK_OF(X509) * bag, X509 *x)
{
	unsigned char hash[PKI_HASH];
	int n = sk_X509_num(r->certs);

	if (n)
		return X509_check_issued(x, sk_X509_value(r->certs, n - 1)) ==
		       X509_V_OK;
	if (r->own)
		return !spki_hash(x, hash) &&
		       memcmp(hash, r->own, PKI_HASH) == 0;
	if (r->key)
		return X509_check_private_key(x, r->key) == 1;
	for (int i = 0; i < sk_X509_num(bag); i++) {
		X509 *other = sk_X509_value(bag, i);
		if (other != x && X509_check_issued(x, other) == X509_V_OK)
			return false;
	}
	return true;
}

/* Removes the next certificate of the chain from the bag; NULL: none left. */
static X509 *next_in_bag(const struct bundle_reader *r, STACK_OF(X509) * bag)
{
	for (int i = 0; !r->has_root && i < sk_X509_num(bag); i++)
		if (continues_chain(r, bag, sk_X509_value(bag, i)))
			return sk_X509_delete(bag, i);
	return NULL;
}

static int add_from_bag(struct bundle_reader *r, STACK_OF(X509) * bag)
{
	bool had_certs = sk_X509_num(r->certs) > 0;
	X509 *x;
	int rc = 0;

	while (!rc && (x = next_in_bag(r, bag)))
		rc = add_cert(r, x);
	if (!rc && !had_certs && !sk_X509_num(r->certs))
		rc = refuse(r,
		    r->own
			? "none of the certificates is for the key of csr.pem"
			: "none of the certificates is for the private key");
	return rc;
}

static int read_pkcs7(
    struct bundle_reader *r, const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &p, (long)len);
	STACK_OF(X509) *bag = NULL;
	int rc;

	if (pkcs7 && PKCS7_type_is_signed(pkcs7) && pkcs7->d.sign)
		bag = X509_chain_up_ref(pkcs7->d.sign->cert);
	rc = bag ? add_from_bag(r, bag) : refuse(r, "a certificate is damaged");
	sk_X509_pop_free(bag, X509_free);
	PKCS7_free(pkcs7);
	return pki_drain(rc);
}

/* Some CAs label PKCS #7 as CERTIFICATE, so the content decides. */
static int read_certs(
    struct bundle_reader *r, const unsigned char *der, size_t len)
{
	X509 *x = pki_x509(der, len);

	return x ? add_cert(r, x) : read_pkcs7(r, der, len);
}

/* --- the private key --- */

static int add_key(
    struct bundle_reader *r, bool pkcs8, const unsigned char *der, size_t len)
{
	const unsigned char *p = der;

	if (r->key)
		return refuse(r, "there are two private keys");
	r->key = pkcs8 ? pki_key_in(der, len)
		       : d2i_AutoPrivateKey(NULL, &p, (long)len);
	return r->key ? 0
		      : refuse(r,
			    "the private key is damaged or of an unknown type");
}

/* --- documents --- */

static bool is_one_of(
    const struct pki_document *document, const char *const *list)
{
	for (; *list; list++)
		if (pki_document_is(document, *list))
			return true;
	return false;
}

static int read_pem(struct bundle_reader *r, const struct pki_document *document)
{
	static const char *const certs[] = {PEM_STRING_X509,
	    PEM_STRING_X509_OLD, PEM_STRING_PKCS7, PEM_STRING_CMS, NULL};
	static const char *const keys[] = {
	    PEM_STRING_PKCS8INF, PEM_STRING_RSA, PEM_STRING_ECPRIVATEKEY, NULL};
	CLEANUP_BYTES struct bytes der = {0};

	if (pki_document_is_key(document) && r->own)
		return pki_refuse(-EINVAL,
		    "a private key does not belong here: use import",
		    r->reason);
	/* RFC 1421 4.6.1.1: Proc-Type of a traditional private key */
	if (pki_document_has_headers(document) ||
	    pki_document_is(document, PEM_STRING_PKCS8))
		return refuse(r,
		    "the private key is encrypted: decrypt it first, with `openssl pkey -in FILE`");
	int rc = pki_document_der(document, &der);
	if (rc)
		return rc == -EBADMSG ? refuse(r, "a PEM text is damaged") : rc;
	if (is_one_of(document, certs))
		return read_certs(r, der.data, der.len);
	if (is_one_of(document, keys))
		return add_key(r,
		    pki_document_is(document, PEM_STRING_PKCS8INF), der.data,
		    der.len);
	/* `openssl ecparam -genkey` writes these before the key */
	return pki_document_is(document, PEM_STRING_ECPARAMETERS)
		   ? 0
		   : refuse(r,
			 "a PEM text is neither a CERTIFICATE nor a PRIVATE KEY");
}

/* The content of a DER element behind its tag and length; NULL if fewer than
 * `need` bytes of it have arrived. */
static const unsigned char *der_content(
    const unsigned char *p, size_t len, size_t need)
{
	size_t head = len < 2 ? 2 : p[1] > 0x80 ? 2u + (p[1] & 0x7f) : 2;

	return len >= head + need ? p + head : NULL;
}

/* Tells PKCS #7 from other DER by its first field. Returns 1 (PKCS #7 so far),
 * 0 (too short), or -EBADMSG. */
static int check_der(
    const struct bundle_reader *r, const unsigned char *p, size_t len)
{
	/* PFX begins with version 3 (RFC 7292 4), a private key with 0 or 1
	 * (RFC 5958, 5915, 8017) */
	static const unsigned char pfx[] = {0x02, 0x01, 0x03};
	const unsigned char *in = der_content(p, len, sizeof(pfx));

	if (!in)
		return 0;
	if (memcmp(in, pfx, sizeof(pfx)) == 0)
		return refuse(r,
		    "this is PKCS #12: convert it to PEM with `openssl pkcs12 -in FILE -nodes`, then its certificates in order and its private key");
	if (in[0] == V_ASN1_INTEGER)
		return refuse(r,
		    "this is DER: convert it to PEM with `openssl pkey -inform DER`");
	if (in[0] != V_ASN1_OBJECT)
		return refuse(r,
		    "this is DER: convert it to PEM with `openssl x509 -inform DER`");
	if (p[1] == 0x80)
		return refuse(r,
		    "this is PKCS #7 of indefinite length: convert it to PEM with `openssl pkcs7 -inform DER -print_certs`");
	return 1;
}

/* --- the whole input --- */

/* Reads the first document, the only one that may be DER. Returns 1, with *end
 * behind it, 0 (incomplete), or -errno. */
static int read_first(
    struct bundle_reader *r, const unsigned char *p, size_t len, size_t *end)
{
	struct pki_document document;
	int rc = pki_document(p, len, &document, r->reason);

	if (pki_document_begins_der(p, len)) {
		int may = check_der(r, p, len);
		if (may != 1)
			return may;
	}
	if (rc != 1)
		return rc < 0 ? pki_refuse(rc, *r->reason, r->reason) : rc;
	*end = document.end;
	rc = document.form == PKI_DER
		 ? read_pkcs7(r, document.body, document.len)
		 : read_pem(r, &document);
	return rc ? rc : 1;
}

/* Returns 0 once no further complete document follows. */
static int read_documents(
    struct bundle_reader *r, const unsigned char *p, size_t len)
{
	struct pki_document document;
	size_t end = 0;
	int rc = read_first(r, p, len, &end);

	if (rc != 1)
		return rc;
	for (rc = 0; !rc; end = document.end) {
		p += end;
		len -= end;
		if (!pki_document_next(p, len, &document))
			return 0;
		rc = read_pem(r, &document);
	}
	return rc;
}

/* --- path validation --- */

static int verify_chain(const struct bundle_reader *r, int64_t now)
{
	int error = pki_verify_path(r->certs, NULL, X509_PURPOSE_ANY, now);

	if (error == X509_V_OK)
		return 0;
	*r->reason = X509_verify_cert_error_string(error);
	switch (error) {
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return -EKEYEXPIRED;
	default:
		return -EBADMSG;
	}
}

static int add_der(X509 *x, struct bytes *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	int rc = n > 0 ? bytes_add(out, der, (size_t)n) : -ENOMEM;

	OPENSSL_free(der);
	return pki_drain(rc);
}

static int fill_bundle(const struct bundle_reader *r, struct pki_bundle *out)
{
	int rc = add_der(sk_X509_value(r->certs, 0), &out->cert);

	for (int i = 1; i < sk_X509_num(r->certs) && !rc; i++)
		rc = add_der(sk_X509_value(r->certs, i), &out->chain);
	return !rc && r->key ? pki_key_out(r->key, &out->key) : rc;
}

static int read_bundle(struct bundle_reader *r, const void *data, size_t len,
    int64_t now, struct pki_bundle *out)
{
	int rc = read_documents(r, data, len);

	if (rc)
		return rc;
	if (r->key && sk_X509_num(r->certs) &&
	    X509_check_private_key(sk_X509_value(r->certs, 0), r->key) != 1)
		return refuse(r,
		    "the first certificate and the private key do not belong together");
	if (!r->has_root || (!r->own && !r->key)) {
		*r->reason = !sk_X509_num(r->certs)
				 ? "the certificate is missing"
			     : !r->has_root
				 ? "the chain ends before a self-signed certificate"
				 : "the private key is missing";
		return 1;
	}
	rc = verify_chain(r, now);
	return rc ? rc : fill_bundle(r, out);
}

static int parse(struct bundle_reader *r, const void *data, size_t len,
    int64_t now, struct pki_bundle *out)
{
	*r->reason = NULL;
	*out = (struct pki_bundle){0};
	pki_drain(0);
	r->certs = sk_X509_new_null();
	int rc = r->certs ? read_bundle(r, data, len, now, out) : -ENOMEM;
	sk_X509_pop_free(r->certs, X509_free);
	EVP_PKEY_free(r->key);
	rc = pki_drain(rc);
	if (rc)
		pki_bundle_free(out);
	return rc;
}

int pki_bundle_parse(const void *data, size_t len, const unsigned char *own,
    int64_t now, struct pki_bundle *out, const char **reason)
{
	struct bundle_reader r = {
	    .own = own, .most = CERTS_MAX, .reason = reason};

	return parse(&r, data, len, now, out);
}

int pki_chain_check(const void *data, size_t len, const unsigned char *own,
    int64_t now, const char **reason)
{
	CLEANUP_BUNDLE struct pki_bundle bundle = {0};
	struct bundle_reader r = {.own = own, .most = INT_MAX, .reason = reason};

	return parse(&r, data, len, now, &bundle);
}

void pki_bundle_free(struct pki_bundle *bundle)
{
	bytes_free(&bundle->cert);
	bytes_free(&bundle->key);
	bytes_free(&bundle->chain);
}

int pki_chain_each(const void *chain, size_t len,
    int (*fn)(const void *der, size_t len, void *arg), void *arg)
{
	const unsigned char *p = chain;
	int rc = 0;

	while (len && !rc) {
		const unsigned char *content = p;
		long n;
		int tag, class;
		if (ASN1_get_object(&content, &n, &tag, &class, (long)len) &
		    0x80)
			return pki_drain(-EBADMSG);
		size_t whole = (size_t)(content - p) + (size_t)n;
		rc = fn(p, whole, arg);
		p += whole;
		len -= whole;
	}
	return rc;
}

/* --- trying it --- */

static int push_cert(const void *der, size_t len, void *arg)
{
	STACK_OF(X509) *certs = arg;
	X509 *x = pki_x509(der, len);

	if (x && sk_X509_push(certs, x) > 0)
		return 0;
	X509_free(x);
	return pki_drain(-EBADMSG);
}

static int issue_sample(
    const struct pki_ca *ca, const char *domain, int64_t now, struct bytes *der)
{
	CLEANUP_BYTES struct bytes spki = {0}, uri = {0}, dns = {0};
	struct pki_leaf leaf = {.common_name = "sample",
	    .unit = "sample",
	    .organization = domain,
	    .not_before = now,
	    .not_after = now + 60};
	int rc = pki_serial(leaf.serial);

	if (!rc)
		rc = bytes_printf(
		    &uri, "spiffe://%s/app_connector/sample/sample", domain);
	if (!rc)
		rc = bytes_add(&uri, "", 1);
	if (!rc)
		rc = bytes_printf(&dns, "sample.%s", domain);
	if (!rc)
		rc = bytes_add(&dns, "", 1);
	if (!rc)
		rc = pki_key_spki(ca->key, &spki);
	if (rc)
		return rc;
	leaf.uri = (char *)uri.data;
	leaf.dns = (char *)dns.data;
	leaf.spki = spki.data;
	leaf.spki_len = spki.len;
	return pki_issue(ca, &leaf, der);
}

int pki_bundle_try(const struct pki_bundle *bundle, const void *key,
    size_t key_len, const char *domain, int64_t now, const char **reason)
{
	CLEANUP_BYTES struct bytes der = {0};
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct pki_ca *ca = NULL;
	X509 *leaf = NULL;
	int rc = certs ? push_cert(bundle->cert.data, bundle->cert.len, certs)
		       : -ENOMEM;

	*reason = NULL;
	if (!rc)
		rc = pki_chain_each(
		    bundle->chain.data, bundle->chain.len, push_cert, certs);
	if (!rc)
		rc = pki_ca_open(
		    bundle->cert.data, bundle->cert.len, key, key_len, &ca);
	if (!rc)
		rc = issue_sample(ca, domain, now, &der);
	if (!rc) {
		leaf = pki_x509(der.data, der.len);
		rc = leaf ? 0 : pki_drain(-EBADMSG);
	}
	/* members are TLS clients and servers */
	int error = leaf ? pki_verify_path(
			       certs, leaf, X509_PURPOSE_SSL_CLIENT, now)
			 : X509_V_OK;
	if (leaf && error == X509_V_OK)
		error = pki_verify_path(
		    certs, leaf, X509_PURPOSE_SSL_SERVER, now);
	if (error != X509_V_OK) {
		*reason = X509_verify_cert_error_string(error);
		rc = error == X509_V_ERR_OUT_OF_MEM ? -ENOMEM : -EBADMSG;
	}
	X509_free(leaf);
	pki_ca_free(ca);
	sk_X509_pop_free(certs, X509_free);
	return pki_drain(rc);
}
