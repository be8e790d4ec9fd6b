/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_names.h>
#include <string.h>

#include "store/pki/internal.h"

/* The supported curves. */
static struct curve {
	int nid;
	const char *name;
	EVP_PKEY *params; /* domain parameters only; made on first use */
} curves[] = {
    {NID_X9_62_prime256v1, "P-256", NULL},
    {NID_secp384r1, "P-384", NULL},
    {NID_secp521r1, "P-521", NULL},
};

static EVP_PKEY *make_params(const char *group)
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

/* Never freed. Two threads may make it at once; the second one discards its
 * copy. */
static const EVP_PKEY *curve_params(struct curve *curve)
{
	EVP_PKEY *key = __atomic_load_n(&curve->params, __ATOMIC_ACQUIRE),
		 *none = NULL;

	if (key)
		return key;
	key = make_params(curve->name);
	if (key && !__atomic_compare_exchange_n(&curve->params, &none, key,
		       false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		EVP_PKEY_free(key);
		key = none;
	}
	return key;
}

/*
 * Makes an EC key without OpenSSL's decoder framework, which takes longer than
 * verifying a signature, and without setting up the curve again.
 * EVP_PKEY_set1_encoded_public_key checks that the point is on the curve.
 */
static EVP_PKEY *ec_key(struct curve *curve, const ASN1_BIT_STRING *point)
{
	const EVP_PKEY *params = curve_params(curve);
	EVP_PKEY *key = params ? EVP_PKEY_dup((EVP_PKEY *)(uintptr_t)params)
			       : NULL;

	if (key &&
	    EVP_PKEY_set1_encoded_public_key(key, ASN1_STRING_get0_data(point),
		(size_t)ASN1_STRING_length(point)) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* The curve of an EC key; NULL for other keys and curves. */
static struct curve *find_curve(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	int type;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (OBJ_obj2nid(object) != NID_X9_62_id_ecPublicKey ||
	    type != V_ASN1_OBJECT)
		return NULL;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (OBJ_obj2nid(value) == curves[i].nid)
			return &curves[i];
	return NULL;
}

EVP_PKEY *pki_spki_key(const unsigned char *spki, size_t len)
{
	const unsigned char *p = spki;
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &p, (long)len);
	EVP_PKEY *key = NULL;

	if (info && p == spki + len) {
		struct curve *curve = find_curve(info->algorithm);
		p = spki;
		key = curve ? ec_key(curve, info->subject_public_key)
			    : d2i_PUBKEY(NULL, &p, (long)len);
	}
	SUBJECT_PUBLIC_KEY_INFO_free(info);
	return key;
}

const EVP_MD *pki_signing_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
		return NULL;
	return EVP_PKEY_get_id(key) == EVP_PKEY_EC &&
		       EVP_PKEY_get_bits(key) > 256
		   ? EVP_sha384()
		   : EVP_sha256();
}

int pki_key_id(
    const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID])
{
	const unsigned char *p = spki;
	unsigned char hash[PKI_HASH];
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &p, (long)len);

	if (!info)
		return pki_failed("key identifier");
	const ASN1_BIT_STRING *bits = info->subject_public_key;
	int rc = pki_sha256(ASN1_STRING_get0_data(bits),
	    (size_t)ASN1_STRING_length(bits), hash);
	SUBJECT_PUBLIC_KEY_INFO_free(info);
	memcpy(out, hash, PKI_KEY_ID);
	return rc;
}

bool pki_spki_is_rsa(const unsigned char *spki, size_t len)
{
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(
	    NULL, &spki, (long)len);
	bool is = info &&
		  OBJ_obj2nid(info->algorithm->algorithm) == NID_rsaEncryption;

	SUBJECT_PUBLIC_KEY_INFO_free(info);
	return is;
}
