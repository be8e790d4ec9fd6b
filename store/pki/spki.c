/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_names.h>
#include <string.h>

#include "store/pki/internal.h"

enum {
	PREFIX = 30, /* bytes, at most */
	STOCK = 32,  /* unused keys of one curve */
};

/* The supported curves. The DER of a key is this prefix, then x and y. */
static struct curve {
	const char *name;
	unsigned char prefix[PREFIX]; /* up to the 04 of the point */
	size_t prefix_len, len;
	struct pki_public_key *stock[STOCK];
} curves[] = {
    {.name = "P-256",
	.prefix = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	    0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
	    0x01, 0x07, 0x03, 0x42, 0x00, 0x04},
	.prefix_len = 27,
	.len = 91},
    {.name = "P-384",
	.prefix = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	    0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03,
	    0x62, 0x00, 0x04},
	.prefix_len = 24,
	.len = 120},
    {.name = "P-521",
	.prefix = {0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48,
	    0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23,
	    0x03, 0x81, 0x86, 0x00, 0x04},
	.prefix_len = 26,
	.len = 158},
};

/* The curve of an EC key as RFC 5480 has it; NULL for other keys, curves and
 * encodings. */
static struct curve *find_curve(const unsigned char *spki, size_t len)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (len == curves[i].len &&
		    memcmp(spki, curves[i].prefix, curves[i].prefix_len) == 0)
			return &curves[i];
	return NULL;
}

bool pki_spki_is_ec(const unsigned char *spki, size_t len)
{
	return find_curve(spki, len);
}

/* --- keys for verifying --- */

static void destroy(struct pki_public_key *public)
{
	EVP_PKEY_CTX_free(public->verify);
	EVP_PKEY_free(public->key);
	OPENSSL_free(public);
}

/* A key without a point. */
static EVP_PKEY *make_key(const char *group)
{
	static const char name[] = OSSL_PKEY_PARAM_GROUP_NAME;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)group, 0),
	    OSSL_PARAM_construct_end(),
	};

	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static struct pki_public_key *make_public(struct curve *curve)
{
	struct pki_public_key *public = OPENSSL_zalloc(sizeof(*public));

	if (!public)
		return NULL;
	public->curve = curve;
	public->key = make_key(curve->name);
	if (public->key)
	public->verify = EVP_PKEY_CTX_new(public->key, NULL);
	if (public->verify && EVP_PKEY_verify_init(public->verify) == 1)
		return public;
	destroy(public);
	return NULL;
}

/* No lock: whoever takes a pointer out of its place has it alone. */
static struct pki_public_key *take_from_stock(struct curve *curve)
{
	for (size_t i = 0; i < STOCK; i++) {
		struct pki_public_key *public = NULL;
		if (__atomic_load_n(&curve->stock[i], __ATOMIC_RELAXED))
		public = __atomic_exchange_n(
		    &curve->stock[i], NULL, __ATOMIC_ACQUIRE);
		if (public)
			return public;
	}
	return make_public(curve);
}

/* Returns false if the stock is full. */
static bool put_into_stock(struct pki_public_key *public)
{
	for (size_t i = 0; i < STOCK; i++) {
		struct pki_public_key *none = NULL;
		if (__atomic_compare_exchange_n(&public->curve->stock[i], &none,
			public, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/*
 * An EC key without OpenSSL's decoder framework, which takes longer than
 * verifying a signature. To set up the curve and a context takes as long, so a
 * key from the stock gets another point, which OpenSSL checks to be on the
 * curve.
 */
static struct pki_public_key *ec_public(
    struct curve *curve, const unsigned char *spki)
{
	struct pki_public_key *public = take_from_stock(curve);
	size_t point = curve->prefix_len - 1;

	if (!public)
		return NULL;
	if (EVP_PKEY_set1_encoded_public_key(
		public->key, spki + point, curve->len - point) == 1)
		return public;
	destroy(public);
	return NULL;
}

struct pki_public_key *pki_public_key(const unsigned char *spki, size_t len)
{
	struct curve *curve = find_curve(spki, len);
	const unsigned char *p = spki;

	if (curve)
		return ec_public(curve, spki);
	struct pki_public_key *public = OPENSSL_zalloc(sizeof(*public));
	if (!public)
		return NULL;
	public->key = d2i_PUBKEY(NULL, &p, (long)len);
	if (public->key && p == spki + len)
		return public;
	destroy(public);
	return NULL;
}

void pki_public_key_free(struct pki_public_key *public)
{
	if (!public || (public->curve && put_into_stock(public)))
		return;
	destroy(public);
}

/* --- properties --- */

int pki_signing_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
		return NID_undef;
	return EVP_PKEY_get_id(key) == EVP_PKEY_EC &&
		       EVP_PKEY_get_bits(key) > 256
		   ? NID_sha384
		   : NID_sha256;
}

static int hash_id(
    const unsigned char *bits, size_t len, unsigned char out[PKI_KEY_ID])
{
	unsigned char hash[PKI_HASH] = {0};
	int rc = pki_sha256(bits, len, hash);

	memcpy(out, hash, PKI_KEY_ID);
	return rc;
}

int pki_key_id(
    const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID])
{
	const struct curve *curve = find_curve(spki, len);
	const unsigned char *p = spki;

	if (curve)
		return hash_id(spki + curve->prefix_len - 1,
		    len - curve->prefix_len + 1, out);
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &p, (long)len);
	if (!info)
		return pki_failed("key identifier");
	const ASN1_BIT_STRING *bits = info->subject_public_key;
	int rc = hash_id(
	    ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), out);
	SUBJECT_PUBLIC_KEY_INFO_free(info);
	return rc;
}

bool pki_spki_is_rsa(const unsigned char *spki, size_t len)
{
	if (pki_spki_is_ec(spki, len))
		return false;
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &spki, (long)len);
	bool is = info &&
		  OBJ_obj2nid(info->algorithm->algorithm) == NID_rsaEncryption;

	SUBJECT_PUBLIC_KEY_INFO_free(info);
	return is;
}
