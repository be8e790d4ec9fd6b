/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <string.h>

#include "store/pki/internal.h"

enum {
	LINE = 64,		   /* characters (RFC 7468 2) */
	LINE_BYTES = LINE / 4 * 3, /* that it encodes */
};

static void add(unsigned char **p, const char *text)
{
	size_t n = strlen(text);

	memcpy(*p, text, n);
	*p += n;
}

int pki_pem(const char *label, const void *der, size_t len, struct bytes *out)
{
	const unsigned char *from = der;
	size_t n = pki_pem_len(label, len);
	/* EVP_EncodeBlock adds a NUL, which is overwritten */
	int rc = bytes_extend(out, n);

	if (rc)
		return rc;
	unsigned char *p = out->data + out->len - n;
	add(&p, "-----BEGIN ");
	add(&p, label);
	add(&p, "-----\n");
	while (len) {
		size_t part = len < LINE_BYTES ? len : LINE_BYTES;
		p += EVP_EncodeBlock(p, from, (int)part);
		*p++ = '\n';
		from += part;
		len -= part;
	}
	add(&p, "-----END ");
	add(&p, label);
	add(&p, "-----\n");
	return 0;
}

size_t pki_pem_len(const char *label, size_t der_len)
{
	size_t base64 = (der_len + 2) / 3 * 4;
	size_t lines = (base64 + LINE - 1) / LINE;
	size_t frame = strlen("-----BEGIN -----\n") +
		       strlen("-----END -----\n");

	return frame + 2 * strlen(label) + base64 + lines;
}
