/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * What an outside CA answers with: PEM texts that come in any number of writes. It is read from its
 * beginning each time, strictly in order, so that what is wrong is told in the write that shows it.
 */

enum { CERTS_MAX = 10 };

struct reading {
	const unsigned char
		*own; /* whose certificate it has to be; NULL: the key's that comes along */
	const char **reason;
	EVP_PKEY *key;
	STACK_OF(X509) * certs;
	bool ended; /* the last one is self-signed */
};

static int refuse(const struct reading *r, const char *why)
{
	return pki_refuse(-EBADMSG, why, r->reason);
}

/* --- one certificate --- */

/* RFC 5280 4.2.1.9, 4.2.1.3 */
static int check_ca(const struct reading *r, X509 *x)
{
	uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);

	/* RFC 5280 4.1.2.4, 4.1.2.6 */
	if (X509_NAME_entry_count(X509_get_subject_name(x)) == 0)
		return refuse(r, "a certificate has no subject");
	if (flags & EXFLAG_INVALID)
		return refuse(r, "a certificate has damaged extensions");
	if (!(flags & EXFLAG_CA))
		return refuse(
			r, "a certificate is not a CA's: basicConstraints CA:TRUE is missing");
	if (!(usage & KU_KEY_CERT_SIGN))
		return refuse(r, "a certificate's keyUsage does not allow it to sign certificates");
	return 0;
}

/* The certificate that is to sign here. */
static int check_own(const struct reading *r, X509 *x)
{
	unsigned char hash[PKI_HASH], *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	int rc = n > 0 ? pki_sha256(spki, (size_t)n, hash) : -EBADMSG;

	OPENSSL_free(spki);
	if (rc)
		return refuse(r, "the certificate has no public key of a known type");
	if (r->own && memcmp(hash, r->own, PKI_HASH) != 0)
		return refuse(r, "the first certificate is for another key than that of csr.pem");
	if (!(X509_get_key_usage(x) & KU_CRL_SIGN))
		return refuse(r, "the certificate's keyUsage does not allow it to sign CRLs");
	return 0;
}

static int check_issued(const struct reading *r, X509 *issuer, X509 *subject)
{
	if (r->ended)
		return refuse(r, "there is a certificate behind the self-signed one");
	if (X509_check_issued(issuer, subject) != X509_V_OK ||
		X509_verify(subject, X509_get0_pubkey(issuer)) != 1)
		return refuse(r, "a certificate did not issue the one before it: the order is the "
				 "certificate, its issuer, and so on up to the self-signed one");
	return 0;
}

static int take_cert(struct reading *r, const unsigned char *der, size_t len)
{
	int n = sk_X509_num(r->certs);
	X509 *x = pki_x509(der, len);
	int rc = x ? 0 : refuse(r, "a certificate is damaged");

	if (!rc && n == CERTS_MAX)
		rc = refuse(r, "the chain is too long");
	if (!rc)
		rc = check_ca(r, x);
	if (!rc)
		rc = n ? check_issued(r, x, sk_X509_value(r->certs, n - 1)) : check_own(r, x);
	if (rc || sk_X509_push(r->certs, x) <= 0) {
		X509_free(x);
		return rc ? rc : pki_drain(-ENOMEM);
	}
	r->ended = X509_self_signed(x, 1) == 1;
	return pki_drain(0);
}

/* --- the private key --- */

static int take_key(struct reading *r, const char *label, const unsigned char *der, size_t len)
{
	const unsigned char *p = der;

	if (r->own)
		return refuse(r, "a private key does not belong here: use import");
	if (r->key)
		return refuse(r, "there are two private keys");
	r->key = strcmp(label, PEM_STRING_PKCS8INF) == 0 ? pki_key_in(der, len)
							 : d2i_AutoPrivateKey(NULL, &p, (long)len);
	return r->key ? 0 : refuse(r, "the private key is damaged or of an unknown type");
}

static bool is_one_of(const char *label, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(label, *list) == 0)
			return true;
	return false;
}

/* --- the text --- */

static int take_block(struct reading *r, const char *label, const char *header,
	const unsigned char *body, size_t len)
{
	static const char *const certs[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, NULL};
	static const char *const keys[] = {
		PEM_STRING_PKCS8INF, PEM_STRING_RSA, PEM_STRING_ECPRIVATEKEY, NULL};

	/* Proc-Type: 4,ENCRYPTED (RFC 1421), which the old forms of keys may have */
	if (header[0] || strcmp(label, PEM_STRING_PKCS8) == 0)
		return refuse(
			r, "the private key is encrypted: decrypt it first, with `openssl pkey`");
	if (is_one_of(label, certs))
		return take_cert(r, body, len);
	if (is_one_of(label, keys))
		return take_key(r, label, body, len);
	/* `openssl ecparam -genkey` writes these before the key */
	return strcmp(label, PEM_STRING_ECPARAMETERS) == 0
		       ? 0
		       : refuse(r, "a PEM text is neither a CERTIFICATE nor a PRIVATE KEY");
}

static int read_block(struct reading *r, const unsigned char *at, size_t len)
{
	BIO *bio = BIO_new_mem_buf(at, (int)len);
	char *label = NULL, *header = NULL;
	unsigned char *body = NULL;
	long n = 0;
	int rc;

	if (!bio || PEM_read_bio(bio, &label, &header, &body, &n) != 1)
		rc = refuse(r, "a PEM text is damaged");
	else
		rc = take_block(r, label, header, body, (size_t)n);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_clear_free(body, (size_t)n);
	BIO_free(bio);
	return rc;
}

/* What `openssl x509 -text`, `openssl pkcs12` and people write before a PEM text (RFC 7468 2). */
static bool begins_well(const unsigned char *p, size_t len)
{
	static const char *const begin[] = {"-----BEGIN ", "Certificate:", "Bag Attributes",
		"subject", "issuer", "Private-Key:", "RSA Private-Key:", "#"};

	/* a byte order mark, as Windows writes it */
	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		len -= 3;
	}
	while (len && all_space(p, 1)) {
		p++;
		len--;
	}
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		size_t n = strlen(begin[i]);
		if (memcmp(p, begin[i], len < n ? len : n) == 0)
			return true;
	}
	return false;
}

static int read_blocks(struct reading *r, const unsigned char *p, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	int rc = 0;

	if (!len)
		return 0;
	if (*p == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
		return refuse(r, "this is DER: convert it to PEM with `openssl x509 -inform DER`");
	if (!begins_well(p, len))
		return refuse(r, "this is not PEM");
	while (!rc) {
		const unsigned char *at = memmem(p, len, begin, strlen(begin));
		size_t end = at ? pki_pem_end(at, len - (size_t)(at - p)) : 0;
		if (!end)
			break;
		rc = read_block(r, at, end);
		len -= (size_t)(at - p) + end;
		p = at + end;
	}
	return rc;
}

/* --- all of it --- */

/* RFC 5280 6.1, with the last certificate as the trust anchor; leaf NULL: of the CA itself, for any
 * purpose. */
static int verify(const STACK_OF(X509) * certs, X509 *leaf, int purpose, int64_t now)
{
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_dup(certs);
	int last = sk_X509_num(certs) - 1, error = X509_V_ERR_OUT_OF_MEM;

	if (anchors && ctx && between &&
		X509_STORE_add_cert(anchors, sk_X509_value(certs, last)) == 1 &&
		X509_STORE_CTX_init(ctx, anchors, leaf ? leaf : sk_X509_value(certs, 0), between) ==
			1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, now);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE);
		if (leaf)
			X509_VERIFY_PARAM_set_purpose(param, purpose);
		X509_verify_cert(ctx);
		error = X509_STORE_CTX_get_error(ctx);
	}
	sk_X509_free(between);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	return pki_drain(0) ? X509_V_ERR_OUT_OF_MEM : error;
}

static int check_all(const struct reading *r, int64_t now)
{
	int error = verify(r->certs, NULL, X509_PURPOSE_ANY, now);

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

static int hand_out(const struct reading *r, struct pki_bundle *out)
{
	int rc = add_der(sk_X509_value(r->certs, 0), &out->cert);

	for (int i = 1; i < sk_X509_num(r->certs) && !rc; i++)
		rc = add_der(sk_X509_value(r->certs, i), &out->chain);
	return !rc && r->key ? pki_key_out(r->key, &out->key) : rc;
}

static int read_all(
	struct reading *r, const void *data, size_t len, int64_t now, struct pki_bundle *out)
{
	int rc = read_blocks(r, data, len);

	if (rc)
		return rc;
	if (r->key && sk_X509_num(r->certs) &&
		X509_check_private_key(sk_X509_value(r->certs, 0), r->key) != 1)
		return refuse(
			r, "the first certificate and the private key do not belong together");
	if (!r->ended || (!r->own && !r->key)) {
		*r->reason = !sk_X509_num(r->certs) ? "the certificate is missing"
			     : !r->ended ? "the chain ends before a self-signed certificate"
					 : "the private key is missing";
		return 1;
	}
	rc = check_all(r, now);
	return rc ? rc : hand_out(r, out);
}

int pki_bundle_parse(const void *data, size_t len, const unsigned char *own, int64_t now,
	struct pki_bundle *out, const char **reason)
{
	struct reading r = {.own = own, .reason = reason, .certs = sk_X509_new_null()};

	*reason = NULL;
	*out = (struct pki_bundle){0};
	pki_drain(0);
	int rc = r.certs ? read_all(&r, data, len, now, out) : -ENOMEM;
	sk_X509_pop_free(r.certs, X509_free);
	EVP_PKEY_free(r.key);
	rc = pki_drain(rc);
	if (rc)
		pki_bundle_free(out);
	return rc;
}

void pki_bundle_free(struct pki_bundle *bundle)
{
	bytes_free(&bundle->cert);
	bytes_free(&bundle->key);
	bytes_free(&bundle->chain);
}

int pki_chain_each(
	const void *chain, size_t len, int (*fn)(const void *der, size_t len, void *arg), void *arg)
{
	const unsigned char *p = chain;
	int rc = 0;

	while (len && !rc) {
		const unsigned char *content = p;
		long n;
		int tag, class;
		if (ASN1_get_object(&content, &n, &tag, &class, (long)len) & 0x80)
			return pki_drain(-EBADMSG);
		size_t whole = (size_t)(content - p) + (size_t)n;
		rc = fn(p, whole, arg);
		p += whole;
		len -= whole;
	}
	return rc;
}

/* --- what it would issue --- */

static int push(const void *der, size_t len, void *arg)
{
	STACK_OF(X509) *certs = arg;
	X509 *x = pki_x509(der, len);

	if (x && sk_X509_push(certs, x) > 0)
		return 0;
	X509_free(x);
	return pki_drain(-EBADMSG);
}

static int sample(const struct pki_ca *ca, const char *domain, int64_t now, struct bytes *der)
{
	CLEANUP_BYTES struct bytes spki = {0}, uri = {0}, dns = {0};
	struct pki_leaf leaf = {.common_name = "sample",
		.unit = "sample",
		.organization = domain,
		.not_before = now,
		.not_after = now + 60};
	int rc = pki_serial(leaf.serial);

	if (!rc)
		rc = bytes_printf(&uri, "spiffe://%s/app_connector/sample/sample", domain);
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

int pki_bundle_try(const struct pki_bundle *bundle, const void *key, size_t key_len,
	const char *domain, int64_t now, const char **reason)
{
	CLEANUP_BYTES struct bytes der = {0};
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct pki_ca *ca = NULL;
	X509 *leaf = NULL;
	int rc = certs ? push(bundle->cert.data, bundle->cert.len, certs) : -ENOMEM;

	*reason = NULL;
	if (!rc)
		rc = pki_chain_each(bundle->chain.data, bundle->chain.len, push, certs);
	if (!rc)
		rc = pki_ca_open(bundle->cert.data, bundle->cert.len, key, key_len, &ca);
	if (!rc)
		rc = sample(ca, domain, now, &der);
	if (!rc) {
		leaf = pki_x509(der.data, der.len);
		rc = leaf ? 0 : pki_drain(-EBADMSG);
	}
	/* as a member shows it: to servers and to clients */
	int error = leaf ? verify(certs, leaf, X509_PURPOSE_SSL_CLIENT, now) : X509_V_OK;
	if (leaf && error == X509_V_OK)
		error = verify(certs, leaf, X509_PURPOSE_SSL_SERVER, now);
	if (error != X509_V_OK) {
		*reason = X509_verify_cert_error_string(error);
		rc = error == X509_V_ERR_OUT_OF_MEM ? -ENOMEM : -EBADMSG;
	}
	X509_free(leaf);
	pki_ca_free(ca);
	sk_X509_pop_free(certs, X509_free);
	return pki_drain(rc);
}
