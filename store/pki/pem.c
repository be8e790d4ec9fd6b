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

size_t pki_pem_end(const void *data, size_t len)
{
	static const char end[] = "-----END ", dashes[] = "-----";
	const unsigned char *p = data, *stop = p + len;
	const unsigned char *at = memmem(p, len, end, strlen(end));

	if (!at)
		return 0;
	at += strlen(end);
	at = memmem(at, (size_t)(stop - at), dashes, strlen(dashes));
	return at ? (size_t)(at - p) + strlen(dashes) : 0;
}

size_t pki_pem_len(const char *label, size_t der_len)
{
	size_t base64 = (der_len + 2) / 3 * 4;
	size_t lines = (base64 + 63) / 64;
	size_t frame = strlen("-----BEGIN -----\n") + strlen("-----END -----\n");

	return frame + 2 * strlen(label) + base64 + lines;
}
