/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Format: version (1 byte, 1) | nonce (12, random) | ciphertext | tag (16).
 * Random nonces are safe for up to 2^32 encryptions with one key (NIST SP
 * 800-38D 8.3).
 */
enum { VERSION = 1, NONCE = 12, TAG = 16, HEAD = 1 + NONCE };

struct pki_sealer {
	unsigned char key[PKI_SECRET];
	unsigned char mac_key[PKI_HASH];
	EVP_CIPHER *cipher;
	char store_id[64];
};

static int hmac(const unsigned char key[PKI_SECRET], const void *data,
    size_t len, unsigned char out[PKI_HASH])
{
	size_t n;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, PKI_SECRET,
		   data, len, out, PKI_HASH, &n) &&
		       n == PKI_HASH
		   ? pki_drain(0)
		   : pki_failed("HMAC");
}

int pki_mac(const struct pki_sealer *s, const void *data, size_t len,
    unsigned char out[PKI_HASH])
{
	return hmac(s->mac_key, data, len, out);
}

int pki_sealer_new(const unsigned char key[PKI_SECRET], const char *store_id,
    struct pki_sealer **out)
{
	struct pki_sealer *s = OPENSSL_secure_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	memcpy(s->key, key, PKI_SECRET);
	strncpy(s->store_id, store_id, sizeof(s->store_id) - 1);
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	static const char purpose[] = "enrollfs export";
	int rc = s->cipher ? hmac(key, purpose, strlen(purpose), s->mac_key)
			   : pki_failed("AES-256-GCM");
	if (rc) {
		pki_sealer_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void pki_sealer_free(struct pki_sealer *s)
{
	if (!s)
		return;
	EVP_CIPHER_free(s->cipher);
	OPENSSL_secure_clear_free(s, sizeof(*s));
}

/* store id | 0 | kind | 0 | row id (8, big-endian) */
static int associated_data(
    const struct pki_sealer *s, const char *kind, int64_t id, struct bytes *out)
{
	uint64_t row = htobe64((uint64_t)id);
	int rc = bytes_add(out, s->store_id, strlen(s->store_id) + 1);

	if (!rc)
		rc = bytes_add(out, kind, strlen(kind) + 1);
	if (!rc)
		rc = bytes_add(out, &row, sizeof(row));
	return rc;
}

int pki_seal(const struct pki_sealer *s, const char *kind, int64_t id,
    const void *plain, size_t len, struct bytes *out)
{
	EVP_CIPHER_CTX *ctx = NULL;
	struct bytes aad = {0}, box = {0};
	int n, rc = associated_data(s, kind, id, &aad);

	if (!rc)
		rc = bytes_extend(&box, HEAD + len + TAG);
	if (!rc)
		rc = pki_random(box.data + 1, NONCE);
	if (rc)
		goto out;
	box.data[0] = VERSION;
	unsigned char *text = box.data + HEAD;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx ||
	    EVP_EncryptInit_ex2(ctx, s->cipher, s->key, box.data + 1, NULL) !=
		1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) != 1 ||
	    EVP_EncryptUpdate(ctx, text, &n, plain, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, text + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, text + len) !=
		1) {
		rc = pki_failed("sealing");
		goto out;
	}
	rc = bytes_add(out, box.data, box.len);
out:
	EVP_CIPHER_CTX_free(ctx);
	bytes_free(&box);
	bytes_free(&aad);
	return pki_drain(rc);
}

int pki_unseal(const struct pki_sealer *s, const char *kind, int64_t id,
    const void *sealed, size_t len, struct bytes *out)
{
	const unsigned char *box = sealed;
	EVP_CIPHER_CTX *ctx = NULL;
	struct bytes aad = {0}, plain = {0};
	unsigned char tag[TAG];
	int n, rc;

	if (len < HEAD + TAG || box[0] != VERSION)
		return -EBADMSG;
	size_t text_len = len - HEAD - TAG;
	memcpy(tag, box + HEAD + text_len, TAG);
	rc = associated_data(s, kind, id, &aad);
	if (!rc)
		rc = bytes_extend(&plain, text_len);
	if (rc)
		goto out;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx ||
	    EVP_DecryptInit_ex2(ctx, s->cipher, s->key, box + 1, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) != 1 ||
	    EVP_DecryptUpdate(ctx, plain.data, &n, box + HEAD, (int)text_len) !=
		1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1) {
		rc = pki_failed("unsealing");
		goto out;
	}
	if (EVP_DecryptFinal_ex(ctx, tag, &n) != 1) {
		rc = pki_drain(-EBADMSG);
		goto out;
	}
	rc = bytes_add(out, plain.data, plain.len);
out:
	EVP_CIPHER_CTX_free(ctx);
	bytes_free(&plain);
	bytes_free(&aad);
	return pki_drain(rc);
}
