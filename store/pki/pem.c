/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "store/pki/internal.h"

int pki_pem(const char *label, const void *der, size_t len, struct bytes *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	int rc = -ENOMEM;

	if (bio && PEM_write_bio(bio, label, "", der, (long)len) > 0) {
		long n = BIO_get_mem_data(bio, &text);
		rc = bytes_add(out, text, (size_t)n);
	}
	BIO_free(bio);
	return pki_drain(rc);
}

size_t pki_pem_len(const char *label, size_t der_len)
{
	size_t base64 = (der_len + 2) / 3 * 4;
	size_t lines = (base64 + 63) / 64;
	size_t frame = strlen("-----BEGIN -----\n") +
		       strlen("-----END -----\n");

	return frame + 2 * strlen(label) + base64 + lines;
}
