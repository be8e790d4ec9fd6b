/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_DOCUMENT_H
#define STORE_PKI_DOCUMENT_H

/*
 * The one reader of what people and other programs send: certificate requests,
 * certificates, private keys. It comes in any number of writes, so every
 * function is asked again with all that has come so far; all are pure and never
 * read beyond len.
 */
#include "store/base/bytes.h"

enum pki_form { PKI_NO_DOCUMENT, PKI_DER, PKI_PEM };

struct pki_document {
	enum pki_form form;
	const char *label; /* of PEM, not terminated; known as soon as its BEGIN
			      line is */
	size_t label_len;
	const unsigned char
	    *body; /* the DER, or the base64 between the two lines of a PEM */
	size_t len;
	size_t end; /* where it ends in what was given */
};

/*
 * Finds the first document. Before it may stand a UTF-8 byte order mark, white
 * space, and, before PEM, explanatory text (RFC 7468 2). Returns 1: it is all
 * there; 0: nothing is wrong, and it has not ended or not begun; -EBADMSG: no
 * document can come of this; -EINVAL: a provisioning key stands where a
 * document has to; -EFBIG: DER that says that it is longer than 64 KiB.
 */
int pki_document(const void *data, size_t len, struct pki_document *out,
    const char **reason);

/*
 * Likewise finds the next one behind another: only PEM, after any text at all
 * (`openssl pkcs12` and s_client(1) write some between certificates). Returns 1
 * or 0.
 */
int pki_document_next(const void *data, size_t len, struct pki_document *out);

/* Whether text is UTF-16, as PowerShell writes it with `>`, and what is said of
 * that. */
bool pki_is_utf16(const void *data, size_t len);
extern const char pki_utf16[];

/* Whether this can only be DER. */
bool pki_document_begins_der(const void *data, size_t len);

/* Whether it is PEM with this label. */
bool pki_document_is(const struct pki_document *document, const char *label);

/* Whether the label is that of a private key, encrypted or not. */
bool pki_document_is_key(const struct pki_document *document);

/* Appends its DER; of PEM with lines of any width. 0, -ENOMEM, or -EBADMSG: the
 * PEM is damaged, or has headers (RFC 1421). */
int pki_document_der(const struct pki_document *document, struct bytes *der);

/* Whether PEM has headers (RFC 1421 4.4): the older form of encrypted private
 * keys. */
bool pki_document_has_headers(const struct pki_document *document);

/* The value of a digit of base64 (RFC 4648 4); -1: it is none. */
int pki_base64_digit(unsigned char c);

#endif
