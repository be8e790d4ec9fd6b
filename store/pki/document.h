/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_DOCUMENT_H
#define STORE_PKI_DOCUMENT_H

/*
 * Finds PEM and DER documents in bytes from outside: certificate requests,
 * certificates, private keys. They arrive in any number of writes, so callers
 * ask again after each with all bytes so far. All functions are pure and never
 * read beyond len.
 */
#include "store/base/bytes.h"

enum pki_form { PKI_NO_DOCUMENT, PKI_DER, PKI_PEM };

struct pki_document {
	enum pki_form form;
	/* of a PEM, not terminated; set once the BEGIN line is complete */
	const char *label;
	size_t label_len;
	const unsigned char *body; /* DER, or the base64 of a PEM */
	size_t len;
	size_t end; /* offset behind it in the input */
};

/*
 * Finds the first document. A UTF-8 byte order mark, white space and, before a
 * PEM, explanatory text (RFC 7468 2) may precede it. *out points into data.
 * Once it returns something other than 0, further bytes do not change that.
 *
 * Returns 1 (complete), 0 (incomplete so far, or empty), -EBADMSG (cannot
 * become a document), -EINVAL (a provisioning key), or -EFBIG (DER with a
 * length of 64 KiB or more).
 */
int pki_document(const void *data, size_t len, struct pki_document *out,
    const char **reason);

/*
 * Finds the next PEM behind another document, after any text at all:
 * openssl-pkcs12(1) and openssl-s_client(1) write some between certificates.
 * Returns 1 (complete) or 0.
 */
int pki_document_next(const void *data, size_t len, struct pki_document *out);

/* Whether text is UTF-16, as PowerShell's `>` writes it; and the reason for
 * refusing it. */
bool pki_is_utf16(const void *data, size_t len);
extern const char pki_utf16[];

/* Whether the input can only be DER; false while that is undecided. */
bool pki_document_begins_der(const void *data, size_t len);

/* Whether it is a PEM with this label. */
bool pki_document_is(const struct pki_document *document, const char *label);

/* Whether it is a PEM labeled as a private key, encrypted or not. */
bool pki_document_is_key(const struct pki_document *document);

/* Appends its DER. A PEM may have lines of any width (RFC 7468 3,
 * laxbase64text). Returns 0, -ENOMEM, or -EBADMSG (the PEM is damaged or has
 * headers); part of it may have been appended then. */
int pki_document_der(const struct pki_document *document, struct bytes *der);

/* Whether a PEM has headers (RFC 1421 4.4), as encrypted private keys of the
 * traditional form do. */
bool pki_document_has_headers(const struct pki_document *document);

/* The value of a base64 digit (RFC 4648 4), or -1. */
int pki_base64_digit(unsigned char c);

#endif
