/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Certificate revocation lists (RFC 5280 5). Entries are encoded by hand: a
 * list may have a hundred thousand, and OpenSSL would allocate several objects
 * for each.
 */

/* RFC 5280 5.3.1. Missing: certificateHold (6), because nothing here lifts a
 * hold, and removeFromCRL (8), which is for delta CRLs. */
static const char *const reasons[] = {"unspecified", "keyCompromise",
    "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    NULL, NULL, NULL, "privilegeWithdrawn", "aACompromise"};

int pki_reason_code(const char *name)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i] && strcasecmp(name, reasons[i]) == 0)
			return (int)i;
	return -1;
}

const char *pki_reason_name(int code)
{
	return reasons[code];
}

/* Writes one DER element with a content of at most 127 bytes. Returns its
 * length. */
static size_t put_element(
    unsigned char *at, unsigned char tag, const void *data, size_t len)
{
	at[0] = tag;
	at[1] = (unsigned char)len;
	memcpy(at + 2, data, len);
	return 2 + len;
}

/* RFC 5280 5.1.2.6: UTCTime until 2049, then GeneralizedTime. */
static size_t put_time(unsigned char *at, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[40];
	struct tm tm;

	gmtime_r(&when, &tm);
	bool utc = tm.tm_year < 150;
	size_t century = utc ? 2 : 0;
	size_t n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) - century;
	return put_element(at, utc ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME,
	    text + century, n);
}

int pki_crl_entry(const void *serial, size_t len, int64_t at, int reason,
    struct bytes *entries)
{
	/* Extensions { Extension { id-ce-cRLReasons, OCTET STRING { ENUMERATED
	 * } } } */
	unsigned char extension[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
	    0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, (unsigned char)reason};
	unsigned char body[128], entry[128 + 2],
	    number[PKI_SERIAL_MAX + 1] = {0};
	/* an INTEGER is signed: a leading 0 keeps it positive */
	size_t n, pad = *(const unsigned char *)serial >> 7;

	if (len > PKI_SERIAL_MAX)
		return -ENOMEM;
	memcpy(number + pad, serial, len);
	n = put_element(body, V_ASN1_INTEGER, number, len + pad);
	n += put_time(body + n, at);
	if (reason) { /* 5.3.1: omitted instead of unspecified */
		memcpy(body + n, extension, sizeof(extension));
		n += sizeof(extension);
	}
	return bytes_add(entries, entry,
	    put_element(entry, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, body, n));
}

/* What is left of a DER encoding. */
struct rest {
	const unsigned char *at;
	long len;
};

/* Reads the head of the next element. Returns its tag, or -1; *content is what
 * is in it, *rest what is behind it. */
static int take_element(struct rest *rest, struct rest *content)
{
	int tag = -1, class;

	*content = *rest;
	if (rest->len <= 0 ||
	    ASN1_get_object(
		&content->at, &content->len, &tag, &class, rest->len) &
		0x81 ||
	    class != V_ASN1_UNIVERSAL)
		return -1;
	rest->len -= content->at + content->len - rest->at;
	rest->at = content->at + content->len;
	return tag;
}

size_t pki_crl_len(const void *der, size_t len)
{
	struct rest rest = {der, (long)len}, content;
	int tag = take_element(&rest, &content);

	pki_drain(0);
	return tag == V_ASN1_SEQUENCE ? len - (size_t)rest.len : 0;
}

/* 5.1.2: version, signature, issuer, thisUpdate, nextUpdate, then
 * revokedCertificates if there are any. */
int pki_crl_entries(const void *der, size_t len, struct bytes *entries)
{
	struct rest rest = {der, (long)len}, tbs, element;
	int tag = take_element(&rest, &tbs);

	rest = tbs;
	if (tag == V_ASN1_SEQUENCE)
		tag = take_element(&rest, &tbs);
	for (int i = 0; i < 5 && tag >= 0; i++)
		tag = take_element(&tbs, &element);
	if (tag < 0)
		return pki_drain(-EBADMSG);
	tag = take_element(&tbs, &element);
	return pki_drain(tag == V_ASN1_SEQUENCE ? bytes_add(entries, element.at,
						      (size_t)element.len)
						: 0);
}

/* The entries as one SEQUENCE, or NULL. They may be megabytes: there is no copy
 * in between. */
static ASN1_STRING *wrap_entries(const struct bytes *entries)
{
	unsigned char head[10];
	unsigned char *p = head;

	ASN1_put_object(
	    &p, 1, (int)entries->len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	size_t n = (size_t)(p - head);
	ASN1_STRING *list = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	if (!list || !ASN1_STRING_set(list, NULL, (int)(n + entries->len))) {
		ASN1_STRING_free(list);
		return NULL;
	}
	/* its own buffer, which nobody has read yet */
	unsigned char *to = (unsigned char *)(uintptr_t)ASN1_STRING_get0_data(
	    list);
	memcpy(to, head, n);
	memcpy(to + n, entries->data, entries->len);
	return list;
}

static int add_number(STACK_OF(X509_EXTENSION) * list, int64_t number)
{
	ASN1_INTEGER *integer = ASN1_INTEGER_new();
	unsigned char *der = NULL;
	int n = -1;

	if (integer && ASN1_INTEGER_set_int64(integer, number) == 1)
		n = i2d_ASN1_INTEGER(integer, &der);
	int rc = n > 0 ? pki_extension(
			     list, NID_crl_number, false, der, (size_t)n)
		       : -ENOMEM;
	OPENSSL_free(der);
	ASN1_INTEGER_free(integer);
	return rc;
}

static int fill_tbs(TBS_CERT_LIST *to, const struct pki_ca *ca,
    const struct pki_crl *crl, const struct bytes *entries)
{
	if (ASN1_INTEGER_set(to->version, 1) != 1 ||
	    !ASN1_STRING_set(
		to->issuer, ca->subject.data, (int)ca->subject.len) ||
	    !ASN1_TIME_set(to->this_update, crl->this_update) ||
	    !ASN1_TIME_set(to->next_update, crl->next_update))
		return -ENOMEM;
	int rc = add_number(to->extensions, crl->number);
	if (!rc)
		rc = pki_authority_key_id(to->extensions, ca);
	if (rc || !entries->len) /* 5.1.2.6: omitted if empty */
		return rc;
	to->revoked_certificates = wrap_entries(entries);
	return to->revoked_certificates ? 0 : -ENOMEM;
}

int pki_crl(const struct pki_ca *ca, const struct pki_crl *crl,
    const struct bytes *entries, struct bytes *der)
{
	CERTIFICATE_LIST *list = CERTIFICATE_LIST_new();
	unsigned char *encoded = NULL;
	int n, rc = -ENOMEM;

	if (!list || fill_tbs(list->tbs_cert_list, ca, crl, entries))
		goto out;
	n = ASN1_item_sign(ASN1_ITEM_rptr(TBS_CERT_LIST),
	    list->tbs_cert_list->signature, list->signature_algorithm,
	    list->signature, list->tbs_cert_list, ca->key,
	    pki_signing_digest(ca->key));
	if (n > 0)
		n = i2d_CERTIFICATE_LIST(list, &encoded);
	rc = n > 0 ? bytes_add(der, encoded, (size_t)n)
		   : pki_failed("signing a revocation list");
out:
	OPENSSL_free(encoded);
	CERTIFICATE_LIST_free(list);
	return pki_drain(rc);
}
