/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/* Certificate revocation lists (RFC 5280 5). */

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

int pki_crl_entry(const void *serial, size_t len, int64_t at, int reason,
    struct bytes *entries)
{
	/* Extensions { Extension { id-ce-cRLReasons, OCTET STRING { ENUMERATED
	 * } } } */
	const unsigned char extension[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03,
	    0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, (unsigned char)reason};
	struct der der = {.out = entries};

	if (len > PKI_SERIAL_MAX)
		return -ENOMEM;
	size_t entry = der_begin(&der, DER_SEQUENCE);
	der_unsigned(&der, serial, len);
	der_time(&der, at);
	if (reason) /* 5.3.1: omitted instead of unspecified */
		der_raw(&der, extension, sizeof(extension));
	der_end(&der, entry);
	return der.rc;
}

size_t pki_crl_len(const void *der, size_t len)
{
	struct der_rest rest = {der, len}, content;

	return der_take_tag(&rest, DER_SEQUENCE, &content) ? len - rest.len : 0;
}

/* 5.1.2: version, signature, issuer, thisUpdate, nextUpdate, then
 * revokedCertificates if there are any. */
int pki_crl_entries(const void *der, size_t len, struct bytes *entries)
{
	enum { BEFORE = 5, EXTENSIONS = DER_EXPLICIT + 0 };
	struct der_rest rest = {der, len}, list, tbs, element;

	if (!der_take_tag(&rest, DER_SEQUENCE, &list) ||
	    !der_take_tag(&list, DER_SEQUENCE, &tbs))
		return -EBADMSG;
	for (int i = 0; i < BEFORE; i++)
		if (der_take(&tbs, &element) < 0)
			return -EBADMSG;
	if (!tbs.len || *tbs.at == EXTENSIONS)
		return 0;
	return der_take_tag(&tbs, DER_SEQUENCE, &element)
		   ? bytes_add(entries, element.at, element.len)
		   : -EBADMSG;
}

static void write_number(struct der *der, int64_t number)
{
	unsigned char bytes[sizeof(number)];
	struct pki_extension at = pki_extension_begin(
	    der, NID_crl_number, false);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(number >>
					   8 * (sizeof(bytes) - 1 - i));
	der_unsigned(der, bytes, sizeof(bytes));
	pki_extension_end(der, at);
}

/* 5.1.2 */
static void write_tbs(struct der *der, const struct pki_ca *ca,
    const struct pki_crl *crl, const struct bytes *entries)
{
	size_t at = der_begin(der, DER_SEQUENCE);

	der_element(der, DER_INTEGER, "\1", 1); /* version 2 */
	der_raw(der, ca->algorithm.data, ca->algorithm.len);
	der_raw(der, ca->subject.data, ca->subject.len);
	der_time(der, crl->this_update);
	der_time(der, crl->next_update);
	if (entries->len) /* 5.1.2.6: omitted if empty */
		der_element(der, DER_SEQUENCE, entries->data, entries->len);
	size_t tagged = der_begin(der, DER_EXPLICIT + 0);
	size_t extensions = der_begin(der, DER_SEQUENCE);
	write_number(der, crl->number);
	pki_authority_key_id(der, ca);
	der_end(der, extensions);
	der_end(der, tagged);
	der_end(der, at);
}

int pki_crl(const struct pki_ca *ca, const struct pki_crl *crl,
    const struct bytes *entries, struct bytes *out)
{
	CLEANUP_BYTES struct bytes tbs = {0};
	struct der der = {.out = &tbs};

	write_tbs(&der, ca, crl, entries);
	return pki_drain(der.rc ? der.rc : pki_signed(ca, &tbs, out));
}
