/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PKI_DER_H
#define STORE_PKI_DER_H

/*
 * Writes and reads DER (X.690): certificates and revocation lists are encoded
 * directly, because to build OpenSSL's objects, encode and free them takes
 * longer than to sign.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/bytes.h"

/* Identifier octets (X.690 8.1.2, X.680 8.4). */
enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,  /* plus n: [n] IMPLICIT, primitive */
	DER_EXPLICIT = 0xa0, /* plus n: [n], constructed */
};

/* Appends to out, which the caller frees. After an error (rc: -ENOMEM) all
 * functions do nothing, so that only the last one's is looked at. */
struct der {
	struct bytes *out;
	int rc;
};

/* Begins an element that others are written into. Returns its place, for
 * der_end. */
size_t der_begin(struct der *der, unsigned char tag);
void der_end(struct der *der, size_t at);

/* Writes an element with this content. */
void der_element(
    struct der *der, unsigned char tag, const void *data, size_t len);
void der_text(struct der *der, unsigned char tag, const char *text);

/* Writes what is DER already. */
void der_raw(struct der *der, const void *data, size_t len);

/* Writes an INTEGER of 0 or more, given big-endian (8.3). */
void der_unsigned(struct der *der, const void *data, size_t len);

/* Writes a BIT STRING without unused bits (8.6). */
void der_bit_string(struct der *der, const void *data, size_t len);

/* Writes a date, in seconds, as RFC 5280 4.1.2.5 has it: UTCTime from 1950 to
 * 2049, else GeneralizedTime; clamped to CLOCK_MIN and CLOCK_MAX. */
void der_time(struct der *der, int64_t seconds);

/* Bytes that are read; what has been read is taken off the front. */
struct der_rest {
	const unsigned char *at;
	size_t len;
};

/* Takes one element off. Returns its tag, with its content in *content, or -1:
 * there is none, it is longer than the rest, or its identifier has more than
 * one octet or its length is not the shortest (10.1). */
int der_take(struct der_rest *rest, struct der_rest *content);

/* Takes an element with this tag off. Returns false, with *rest as it was, if
 * the next one has another or der_take refuses it. */
bool der_take_tag(
    struct der_rest *rest, unsigned char tag, struct der_rest *content);

#endif
