/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/request.h"

#include <errno.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/pki/document.h"
#include "store/pki/pki.h"
#include "store/store.h"

/*
 * Finds the end of a request. It arrives in any number of writes, so callers
 * ask after each. Pure; never reads beyond len.
 */

struct span {
	const unsigned char *at;
	size_t len;
};

static void skip(struct span *s, size_t n)
{
	s->at += n;
	s->len -= n;
}

/* Removes the key's text from the beginning of rest. Returns 1, 0 (incomplete)
 * or -EBADMSG. */
static int take_key(struct span *rest, struct span *text)
{
	struct pki_key_text key;
	const char *reason;
	size_t end;
	int rc = pki_key_text_find(rest->at, rest->len, &key, &end, &reason);

	explicit_bzero(&key, sizeof(key));
	if (rc == 1) {
		*text = (struct span){rest->at, end};
		skip(rest, end);
	}
	return rc;
}

/* Removes a CSR from the beginning of rest. Returns as pki_csr_find. */
static int take_csr(struct span *rest, struct span *csr, const char **reason)
{
	struct pki_document document;
	int rc = pki_csr_find(rest->at, rest->len, &document, reason);

	if (rc == 1) {
		*csr = (struct span){rest->at, document.end};
		skip(rest, document.end);
	}
	return rc;
}

bool store_request_complete(
    enum store_request form, const void *data, size_t len)
{
	struct span rest = {data, len}, part;
	const char *reason;
	int rc = 1;

	/* A malformed key completes the request: it is refused at once, not
	 * after a CSR that may never arrive. */
	if (form == STORE_KEY_AND_CSR)
		rc = take_key(&rest, &part);
	if (rc == 1)
		rc = take_csr(&rest, &part, &reason);
	if (rc == 1 && form == STORE_CSR_AND_PROOF)
		rc = take_csr(&rest, &part, &reason);
	return rc != 0;
}

int request_split(enum store_request form, const void *data, size_t len,
    struct request *out, const char **reason)
{
	struct span rest = {data, len}, part;

	*out = (struct request){0};
	*reason = "out of memory; nothing has changed";
	if (form == STORE_KEY_AND_CSR) {
		int rc = take_key(&rest, &part);
		if (rc == -ENOMEM)
			return rc;
		/* pki_key_text_find in enroll.c gives the reason */
		if (rc != 1)
			part = rest;
		out->key_text = (const char *)part.at;
		out->key_len = part.len;
	}
	if (form == STORE_CSR_AND_PROOF) {
		int rc = take_csr(&rest, &part, reason);
		if (rc != 1)
			return rc ? rc : -EBADMSG;
		out->csr = part.at;
		out->csr_len = part.len;
		out->proof = rest.at;
		out->proof_len = rest.len;
		return 0;
	}
	out->csr = rest.at;
	out->csr_len = rest.len;
	return 0;
}

int request_named_by(const struct pki_csr *csr, const struct pki_csr *proof)
{
	unsigned char named[PKI_HASH], hash[PKI_HASH];
	const char *name = pki_csr_common_name(proof);
	size_t len;
	const unsigned char *der = pki_csr_der(csr, &len);
	int rc = pki_sha256(der, len, hash);

	if (rc)
		return rc;
	if (!name || hex_bytes(name, strlen(name), named, PKI_HASH) ||
	    memcmp(named, hash, PKI_HASH) != 0)
		return -EKEYREJECTED;
	return 0;
}

bool request_too_long(enum store_request form, const void *data, size_t len)
{
	struct span rest = {data, len}, part;
	struct pki_document document;
	const char *reason;

	if (len > STORE_REQUEST_MAX)
		return true;
	if (form == STORE_KEY_AND_CSR && take_key(&rest, &part) != 1)
		return false;
	return pki_document(rest.at, rest.len, &document, &reason) == -EFBIG;
}
