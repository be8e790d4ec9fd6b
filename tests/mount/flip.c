/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: as long as the file $FLIP is there, a bit of each signature that
 * OpenSSL makes is wrong. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

static int flip(int done, unsigned char *signature, const size_t *len)
{
	if (done == 1 && signature && access(getenv("FLIP"), F_OK) == 0)
		signature[*len - 1] ^= 1;
	return done;
}

int EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *signature, size_t *len,
    const unsigned char *data, size_t data_len)
{
	static int (*real)(EVP_PKEY_CTX *, unsigned char *, size_t *,
	    const unsigned char *, size_t);

	if (!real)
		real = dlsym(RTLD_NEXT, "EVP_PKEY_sign");
	return flip(real(ctx, signature, len, data, data_len), signature, len);
}

int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *signature, size_t *len,
    const unsigned char *data, size_t data_len)
{
	static int (*real)(EVP_MD_CTX *, unsigned char *, size_t *,
	    const unsigned char *, size_t);

	if (!real)
		real = dlsym(RTLD_NEXT, "EVP_DigestSign");
	return flip(real(ctx, signature, len, data, data_len), signature, len);
}
