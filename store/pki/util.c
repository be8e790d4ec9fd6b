/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pki/internal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "store/base/report.h"

int pki_drain(int rc)
{
	/* clearing an empty queue goes through all of it */
	if (ERR_peek_error())
		ERR_clear_error();
	return pki_alloc_failed() ? -ENOMEM : rc;
}

int pki_failed(const char *doing)
{
	unsigned long oldest = ERR_get_error();
	const char *text = oldest ? ERR_reason_error_string(oldest) : NULL;
	int rc = pki_drain(-EIO);

	report(LOG_ERR, "%s: OpenSSL: %s", doing,
	    rc == -ENOMEM ? "out of memory"
	    : text	  ? text
			  : "unknown error");
	return rc;
}

int pki_refuse(int error, const char *why, const char **reason)
{
	int rc = pki_drain(error);

	*reason = rc == -ENOMEM ? "out of memory" : why;
	return rc;
}

int pki_random(void *out, size_t n)
{
	if (RAND_priv_bytes(out, (int)n) != 1)
		return pki_failed("random bytes");
	return 0;
}

const EVP_MD *pki_digest(int nid)
{
	static EVP_MD *fetched[3]; /* never freed */
	EVP_MD **slot = &fetched[nid == NID_sha256   ? 0
				 : nid == NID_sha384 ? 1
						     : 2];
	EVP_MD *md = __atomic_load_n(slot, __ATOMIC_ACQUIRE), *none = NULL;

	if (md)
		return md;
	/* Two threads may fetch it at once; the second one discards its own. */
	md = EVP_MD_fetch(NULL, OBJ_nid2sn(nid), NULL);
	if (md && !__atomic_compare_exchange_n(slot, &none, md, false,
		      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		EVP_MD_free(md);
		md = none;
	}
	return md;
}

int pki_hash(const EVP_MD *md, const void *data, size_t len, unsigned char *out)
{
	if (!md || EVP_Digest(data, len, out, NULL, md, NULL) != 1)
		return pki_failed("hashing");
	return 0;
}

int pki_sha256(const void *data, size_t len, unsigned char out[PKI_HASH])
{
	return pki_hash(pki_digest(NID_sha256), data, len, out);
}

int pki_sha256_base64(const void *data, size_t len, char out[PKI_HASH_BASE64])
{
	unsigned char hash[PKI_HASH];
	int rc = pki_sha256(data, len, hash);

	if (!rc)
		EVP_EncodeBlock((unsigned char *)out, hash, PKI_HASH);
	return rc;
}

bool pki_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

int pki_serial(unsigned char out[PKI_SERIAL])
{
	do {
		int rc = pki_random(out, PKI_SERIAL);
		if (rc)
			return rc;
	} while (out[0] == 0);
	return 0;
}

X509 *pki_x509(const void *der, size_t len)
{
	const unsigned char *p = der;
	X509 *x = d2i_X509(NULL, &p, (long)len);

	if (x && p == (const unsigned char *)der + len)
		return x;
	X509_free(x);
	return NULL;
}
