/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/internal.h"

/* Mask of the unused bits in the flags of an ASN1_BIT_STRING. */
enum { UNUSED_BITS = 7 };

struct pki_csr {
	CERTIFICATION_REQUEST *request;
	struct pki_public_key *public;
	struct bytes der;
	char *common_name;
	unsigned char spki_hash[PKI_HASH];
};

void pki_csr_free(struct pki_csr *csr)
{
	if (!csr)
		return;
	CERTIFICATION_REQUEST_free(csr->request);
	pki_public_key_free(csr->public);
	bytes_free(&csr->der);
	OPENSSL_free(csr->common_name);
	free(csr);
}

void pki_csr_cleanup(struct pki_csr **csr)
{
	pki_csr_free(*csr);
}

static int refuse(const char **reason, const char *why)
{
	return pki_refuse(-EBADMSG, why, reason);
}

/* RFC 7468 7, and the older label of its appendix A. */
static int check_label(const struct pki_document *document, const char **reason)
{
	if (document->form != PKI_PEM ||
	    pki_document_is(document, PEM_STRING_X509_REQ) ||
	    pki_document_is(document, PEM_STRING_X509_REQ_OLD))
		return 0;
	if (pki_document_is_key(document))
		return pki_refuse(-EINVAL,
		    "this is a private key, which never leaves its machine: send the certificate request made with it",
		    reason);
	return refuse(reason, "the PEM text is not a CERTIFICATE REQUEST");
}

int pki_csr_find(
    const void *data, size_t len, struct pki_document *out, const char **reason)
{
	int rc = pki_document(data, len, out, reason);

	if (rc < 0)
		return pki_refuse(rc, *reason, reason);
	int wrong = check_label(out, reason);
	return wrong ? wrong : rc;
}

/* Only white space and control characters may follow the document, NUL only
 * behind a PEM. */
static bool only_space_follows(
    const struct pki_document *document, const unsigned char *data, size_t len)
{
	const unsigned char *rest = data + document->end;
	size_t n = len - document->end;

	return all_space(rest, n) &&
	       (document->form == PKI_PEM || !memchr(rest, '\0', n));
}

static int read_document(const unsigned char *data, size_t len,
    struct bytes *der, const char **reason)
{
	struct pki_document document;
	int rc = pki_csr_find(data, len, &document, reason);

	if (rc == 0)
		return refuse(reason,
		    document.form ? "the certificate request is not complete"
				  : "there is no certificate request in it");
	if (rc < 0)
		return rc;
	if (!only_space_follows(&document, data, len))
		return refuse(
		    reason, "there is data behind the certificate request");
	rc = pki_document_der(&document, der);
	return rc == -EBADMSG
		   ? refuse(reason, "the certificate request's PEM is damaged")
		   : rc;
}

/* Sets *out to the only common name; leaves it NULL if there is not exactly
 * one, or it is not text. */
static int common_name(const X509_NAME *subject, char **out)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;

	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return 0;
	const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
	int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	if (n < 0)
		return pki_drain(0);
	if (strlen((char *)text) == (size_t)n)
		*out = (char *)text;
	else
		OPENSSL_free(text);
	return 0;
}

static int decode(struct pki_csr *csr, const char **reason)
{
	const unsigned char *p = csr->der.data;

	csr->request = d2i_CERTIFICATION_REQUEST(NULL, &p, (long)csr->der.len);
	if (!csr->request || p != csr->der.data + csr->der.len)
		return refuse(
		    reason, "not a PKCS #10 certificate request (RFC 2986)");
	const CERTIFICATION_REQUEST_INFO *info = csr->request->info;
	if (ASN1_INTEGER_get(info->version) != 0)
		return refuse(
		    reason, "the certificate request has an unknown version");
	const ASN1_STRING *spki = info->subject_pk_info;
	csr->public = pki_public_key(
	    ASN1_STRING_get0_data(spki), (size_t)ASN1_STRING_length(spki));
	if (!csr->public)
		return refuse(reason,
		    "the certificate request has no public key of a known type");
	int rc = common_name(info->subject, &csr->common_name);
	return rc ? rc
		  : pki_sha256(ASN1_STRING_get0_data(spki),
			(size_t)ASN1_STRING_length(spki), csr->spki_hash);
}

int pki_csr_parse(
    const void *data, size_t len, struct pki_csr **out, const char **reason)
{
	struct pki_csr *csr = calloc(1, sizeof(*csr));
	int rc;

	*out = NULL;
	*reason = NULL;
	pki_drain(0); /* errors of earlier calls */
	if (!csr)
		return -ENOMEM;
	rc = read_document(data, len, &csr->der, reason);
	if (!rc)
		rc = decode(csr, reason);
	rc = pki_drain(rc);
	if (rc) {
		pki_csr_free(csr);
		return rc;
	}
	*reason = NULL;
	*out = csr;
	return 0;
}

/* The digest of ECDSA with SHA-2 (RFC 5758 3.2); NULL for other algorithms. */
static const EVP_MD *ecdsa_digest(const X509_ALGOR *algorithm)
{
	switch (OBJ_obj2nid(algorithm->algorithm)) {
	case NID_ecdsa_with_SHA256:
		return pki_digest(NID_sha256);
	case NID_ecdsa_with_SHA384:
		return pki_digest(NID_sha384);
	case NID_ecdsa_with_SHA512:
		return pki_digest(NID_sha512);
	default:
		return NULL;
	}
}

/* Returns 0, -EKEYREJECTED, -EIO or -ENOMEM. */
static int verify_ecdsa(
    const CERTIFICATION_REQUEST *r, EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
	const ASN1_ENCODING *info = &r->info->encoding;
	const ASN1_BIT_STRING *signature = r->signature;
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (signature->flags & UNUSED_BITS)
		return -EKEYREJECTED;
	int rc = pki_hash(md, info->enc, (size_t)info->len, hash);
	if (rc)
		return rc;
	return EVP_PKEY_verify(ctx, ASN1_STRING_get0_data(signature),
		   (size_t)ASN1_STRING_length(signature), hash,
		   (size_t)EVP_MD_get_size(md)) == 1
		   ? 0
		   : -EKEYREJECTED;
}

static int verify(const struct pki_csr *csr)
{
	const CERTIFICATION_REQUEST *r = csr->request;
	EVP_PKEY_CTX *ctx = csr->public->verify;
	const EVP_MD *md = ctx ? ecdsa_digest(r->signature_algorithm) : NULL;

	if (md)
		return verify_ecdsa(r, ctx, md);
	return ASN1_item_verify(ASN1_ITEM_rptr(CERTIFICATION_REQUEST_INFO),
		   r->signature_algorithm, r->signature, r->info,
		   csr->public->key) == 1
		   ? 0
		   : -EKEYREJECTED;
}

int pki_csr_verify(const struct pki_csr *csr, const char **reason)
{
	int rc = verify(csr);

	if (rc != -EKEYREJECTED)
		return pki_drain(rc);
	return pki_refuse(rc,
	    "the certificate request is not signed with the key it names",
	    reason);
}

static bool strong_digest(int nid)
{
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512 ||
	       nid == NID_sha512_256 || nid == NID_sha3_256 ||
	       nid == NID_sha3_384 || nid == NID_sha3_512;
}

/* RFC 8017 A.2.3: the hash is a parameter that defaults to SHA-1. */
static bool strong_pss(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	int type;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE)
		return false;
	RSA_PSS_PARAMS *pss = ASN1_item_unpack(
	    value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	bool strong = pss && pss->hashAlgorithm &&
		      strong_digest(OBJ_obj2nid(pss->hashAlgorithm->algorithm));
	RSA_PSS_PARAMS_free(pss);
	return strong;
}

static bool strong_signature(const X509_ALGOR *algorithm)
{
	int digest, key, nid = OBJ_obj2nid(algorithm->algorithm);

	if (nid == NID_ED25519)
		return true;
	if (nid == NID_rsassaPss)
		return strong_pss(algorithm);
	return OBJ_find_sigid_algs(nid, &digest, &key) == 1 &&
	       strong_digest(digest);
}

static const char not_der[] = "the public key is not DER";

static bool rsa_exponent_ok(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		  BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 32;

	BN_free(e);
	return ok;
}

static int rsa_allowed(const EVP_PKEY *key, const char **reason)
{
	int bits = EVP_PKEY_get_bits(key);

	if (bits < 2048 || bits > 8192)
		return refuse(
		    reason, "an RSA key has to have 2048 to 8192 bits");
	if (!rsa_exponent_ok(key))
		return refuse(reason,
		    "the RSA public exponent has to be odd, 3 or more, below 2^32");
	return 0;
}

/* Why an EC key is refused that pki_spki_is_ec does not accept. RFC 5480 2.1.1:
 * namedCurve; 2.2: an uncompressed point is 04, x, y. */
static const char *ec_fault(const SUBJECT_PUBLIC_KEY_INFO *spki)
{
	static const struct {
		int nid;
		int point;
	} curve[] = {
	    {NID_X9_62_prime256v1, 65},
	    {NID_secp384r1, 97},
	    {NID_secp521r1, 133},
	};
	const ASN1_BIT_STRING *point = spki->subject_public_key;
	const ASN1_OBJECT *object;
	const void *value;
	int type;

	X509_ALGOR_get0(&object, &type, &value, spki->algorithm);
	int nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(value) : NID_undef;
	for (size_t i = 0; i < sizeof(curve) / sizeof(curve[0]); i++) {
		if (curve[i].nid != nid)
			continue;
		if (ASN1_STRING_length(point) != curve[i].point ||
		    ASN1_STRING_get0_data(point)[0] != 4 ||
		    (point->flags & UNUSED_BITS))
			return "the EC public key has to be an uncompressed point";
		return not_der;
	}
	return "an EC key has to be on the named curve P-256, P-384 or P-521";
}

static int ec_refuse(const struct pki_csr *csr, const char **reason)
{
	const ASN1_STRING *raw = csr->request->info->subject_pk_info;
	const unsigned char *p = ASN1_STRING_get0_data(raw);
	SUBJECT_PUBLIC_KEY_INFO *spki = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &p, ASN1_STRING_length(raw));
	int rc = refuse(reason, spki ? ec_fault(spki) : not_der);

	SUBJECT_PUBLIC_KEY_INFO_free(spki);
	return rc;
}

/*
 * A key is identified by the hash of its SPKI, so only the canonical encoding
 * is accepted: with a second one it would count as another machine.
 */
static bool canonical(const struct pki_csr *csr)
{
	const ASN1_STRING *got = csr->request->info->subject_pk_info;
	unsigned char *again = NULL;
	int n = i2d_PUBKEY(csr->public->key, &again);
	bool same = n == ASN1_STRING_length(got) &&
		    memcmp(again, ASN1_STRING_get0_data(got), (size_t)n) == 0;

	OPENSSL_free(again);
	return same;
}

static int key_allowed(const struct pki_csr *csr, const char **reason)
{
	const ASN1_STRING *spki = csr->request->info->subject_pk_info;
	int rc = 0, type = EVP_PKEY_get_id(csr->public->key);

	if (pki_spki_is_ec(
		ASN1_STRING_get0_data(spki), (size_t)ASN1_STRING_length(spki)))
		return 0;
	if (type == EVP_PKEY_EC)
		return ec_refuse(csr, reason);
	if (type == EVP_PKEY_RSA)
		rc = rsa_allowed(csr->public->key, reason);
	else if (type != EVP_PKEY_ED25519)
		rc = refuse(reason, "the key has to be RSA, EC or Ed25519");
	if (!rc && !canonical(csr))
		rc = refuse(reason, not_der);
	return rc;
}

/* The common name of a proof for renewal: 64 hex digits. */
static bool is_renewal_proof(const char *name)
{
	unsigned char hash[PKI_HASH];

	return name && hex_bytes(name, strlen(name), hash, PKI_HASH) == 0;
}

int pki_csr_strong(const struct pki_csr *csr, const char **reason)
{
	if (strong_signature(csr->request->signature_algorithm))
		return 0;
	return refuse(reason,
	    "the certificate request has to be signed with SHA-256 or better");
}

int pki_csr_allowed(const struct pki_csr *csr, const char **reason)
{
	*reason = NULL;
	int rc = key_allowed(csr, reason);
	if (!rc)
		rc = pki_csr_strong(csr, reason);
	if (!rc && is_renewal_proof(csr->common_name))
		rc = refuse(reason,
		    "a common name of 64 hex digits is a proof for renewal");
	return pki_drain(rc);
}

const unsigned char *pki_csr_der(const struct pki_csr *csr, size_t *len)
{
	*len = csr->der.len;
	return csr->der.data;
}

const unsigned char *pki_csr_spki(const struct pki_csr *csr, size_t *len)
{
	const ASN1_STRING *spki = csr->request->info->subject_pk_info;

	*len = (size_t)ASN1_STRING_length(spki);
	return ASN1_STRING_get0_data(spki);
}

const unsigned char *pki_csr_spki_hash(const struct pki_csr *csr)
{
	return csr->spki_hash;
}

const char *pki_csr_common_name(const struct pki_csr *csr)
{
	return csr->common_name;
}

int pki_csr_algorithm(const struct pki_csr *csr, char out[PKI_ALGORITHM])
{
	return pki_drain(pki_algorithm(csr->public->key, out));
}
