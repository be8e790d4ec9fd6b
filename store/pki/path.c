/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "store/pki/internal.h"

/* Path validation (RFC 5280 6.1) of what was signed here, before it is
 * stored. */

int pki_verify_path(
    const STACK_OF(X509) * certs, X509 *leaf, int purpose, int64_t now)
{
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_dup(certs);
	int last = sk_X509_num(certs) - 1, error = X509_V_ERR_OUT_OF_MEM;

	if (anchors && ctx && between &&
	    X509_STORE_add_cert(anchors, sk_X509_value(certs, last)) == 1 &&
	    X509_STORE_CTX_init(ctx, anchors,
		leaf ? leaf : sk_X509_value(certs, 0), between) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, now);
		X509_VERIFY_PARAM_set_flags(
		    param, X509_V_FLAG_CHECK_SS_SIGNATURE);
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

/* --- the chain of a signing certificate --- */

/* Whether some of what the CA below issues may not verify: name constraints
 * (RFC 5280 4.2.1.10), and extended key usages, which are taken for
 * constraints of what is below. */
static bool constrains(X509 *x)
{
	return X509_get_ext_by_NID(x, NID_name_constraints, -1) >= 0 ||
	       X509_get_ext_by_NID(x, NID_ext_key_usage, -1) >= 0;
}

int pki_ca_above(struct pki_ca *ca, const void *der, size_t len)
{
	int64_t not_after = 0;
	X509 *x = pki_x509(der, len);
	int rc = x ? pki_time(X509_get0_notAfter(x), &not_after) : -EBADMSG;

	if (!rc && !ca->path)
		ca->path = sk_X509_new_null();
	if (!rc && (!ca->path || sk_X509_push(ca->path, x) <= 0))
		rc = -ENOMEM;
	if (rc) {
		X509_free(x);
		return pki_drain(rc);
	}
	if (sk_X509_num(ca->path) == 1 || not_after < ca->path_until)
		ca->path_until = not_after;
	ca->constrained = ca->constrained || constrains(x);
	/* OpenSSL caches its extensions now, and not while threads verify */
	X509_check_purpose(x, -1, 0);
	return pki_drain(0);
}

/* Verifies for all that the certificate may be used for. Returns an X509_V_
 * code. */
static int verify_uses(const struct pki_ca *ca, X509 *x, int64_t now)
{
	static const struct {
		uint32_t usage;
		int purpose;
	} uses[] = {{XKU_SSL_CLIENT, X509_PURPOSE_SSL_CLIENT},
	    {XKU_SSL_SERVER, X509_PURPOSE_SSL_SERVER}};
	uint32_t has = X509_get_extended_key_usage(x);
	int error = X509_V_OK;

	if (has == UINT32_MAX) /* a CA's has no such extension */
		return pki_verify_path(ca->path, x, X509_PURPOSE_ANY, now);
	for (size_t i = 0;
	     i < sizeof(uses) / sizeof(uses[0]) && error == X509_V_OK; i++)
		if (has & uses[i].usage)
			error = pki_verify_path(
			    ca->path, x, uses[i].purpose, now);
	return error;
}

static int error_of(int code)
{
	switch (code) {
	case X509_V_OK:
		return 0;
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return -EKEYEXPIRED;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_SUBTREE_MINMAX:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
	case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_INVALID_PURPOSE:
		return -EPERM;
	default:
		return -EIO;
	}
}

int pki_ca_verify(struct pki_ca *ca, const struct bytes *der, int64_t now,
    const char **reason)
{
	if (!ca->path)
		return 0;
	if (now > ca->path_until) {
		*reason = "a certificate of its chain has expired";
		return -EKEYEXPIRED;
	}
	if (!ca->constrained && __atomic_load_n(&ca->proven, __ATOMIC_RELAXED))
		return 0;
	X509 *x = pki_x509(der->data, der->len);
	int error = x ? verify_uses(ca, x, now) : X509_V_ERR_UNSPECIFIED;
	X509_free(x);
	if (error == X509_V_OK)
		__atomic_store_n(&ca->proven, true, __ATOMIC_RELAXED);
	else
		*reason = X509_verify_cert_error_string(error);
	return pki_drain(error_of(error));
}
