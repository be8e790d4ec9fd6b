/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_names.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * An EC key without OpenSSL's decoder framework, which takes longer than verifying a signature.
 * The import checks that the point is on the curve.
 */
static EVP_PKEY *ec_key(const char *group, const ASN1_BIT_STRING *point)
{
	static const char pub[] = OSSL_PKEY_PARAM_PUB_KEY, name[] = OSSL_PKEY_PARAM_GROUP_NAME;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)group, 0),
		OSSL_PARAM_construct_octet_string(pub,
			(void *)(uintptr_t)ASN1_STRING_get0_data(point),
			(size_t)ASN1_STRING_length(point)),
		OSSL_PARAM_construct_end(),
	};

	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The name of the curve that the algorithm names, NULL if it is not one of the three we take. */
static const char *curve_name(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	int type;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (OBJ_obj2nid(object) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT)
		return NULL;
	switch (OBJ_obj2nid(value)) {
	case NID_X9_62_prime256v1:
		return "P-256";
	case NID_secp384r1:
		return "P-384";
	case NID_secp521r1:
		return "P-521";
	default:
		return NULL;
	}
}

EVP_PKEY *pki_spki_key(const unsigned char *spki, size_t len)
{
	const unsigned char *p = spki;
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(NULL, &p, (long)len);
	EVP_PKEY *key = NULL;

	if (info && p == spki + len) {
		const char *curve = curve_name(info->algorithm);
		p = spki;
		key = curve ? ec_key(curve, info->subject_public_key)
			    : d2i_PUBKEY(NULL, &p, (long)len);
	}
	SUBJECT_PUBLIC_KEY_INFO_free(info);
	if (!key)
		pki_drain();
	return key;
}

const EVP_MD *pki_signing_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
									: EVP_sha256();
}

int pki_key_id(const unsigned char *spki, size_t len, unsigned char out[PKI_KEY_ID])
{
	const unsigned char *p = spki;
	unsigned char hash[PKI_HASH];
	SUBJECT_PUBLIC_KEY_INFO *info = d2i_SUBJECT_PUBLIC_KEY_INFO(NULL, &p, (long)len);

	if (!info)
		return pki_failed("key identifier");
	const ASN1_BIT_STRING *bits = info->subject_public_key;
	int rc = pki_sha256(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), hash);
	SUBJECT_PUBLIC_KEY_INFO_free(info);
	memcpy(out, hash, PKI_KEY_ID);
	return rc;
}
