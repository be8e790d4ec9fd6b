/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509v3.h>
#include <string.h>

#include "store/pki/internal.h"

/* Compares issued certificates and revocation lists with the stored facts. */

static bool same_serial(const X509 *x, const struct pki_expected *want)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);

	return (size_t)ASN1_STRING_length(serial) == want->serial_len &&
	       memcmp(ASN1_STRING_get0_data(serial), want->serial,
		   want->serial_len) == 0;
}

static bool same_key(const X509 *x, const struct pki_expected *want)
{
	unsigned char hash[PKI_HASH], *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	bool same = n > 0 && want->spki_hash &&
		    !pki_sha256(spki, (size_t)n, hash) &&
		    memcmp(hash, want->spki_hash, want->spki_hash_len) == 0;

	OPENSSL_free(spki);
	return same;
}

/* Our own names have to be there, and beside them only DNS names and IP
 * addresses, which a limit may have allowed. */
static const char *names_mismatch(
    const void *der, size_t len, const struct pki_expected *want)
{
	struct pki_asked has;

	pki_cert_asked(der, len, &has);
	if (has.usages_fault || !has.has_usages)
		return "has another extended key usage";
	if (has.names_fault)
		return "has another name";
	int all = has.names;
	pki_asked_remove(&has, want->uri, want->dns);
	if (all - has.names != PKI_NAMES_OURS)
		return "has another name";
	for (int i = 0; i < has.names; i++)
		if (has.name[i].type != PKI_NAME_DNS &&
		    has.name[i].type != PKI_NAME_IP)
			return "has another name";
	return NULL;
}

static const char *find_mismatch(X509 *x, X509 *ca, const struct pki_csr *csr,
    const struct pki_expected *want)
{
	if (!x)
		return "is damaged";
	if (!ca || X509_check_issued(ca, x) != X509_V_OK ||
	    X509_verify(x, X509_get0_pubkey(ca)) != 1)
		return "was not signed by its signing certificate";
	if (!same_serial(x, want))
		return "has another serial number";
	if (!same_key(x, want))
		return "has another public key than its hash says";
	if (ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), want->not_before) !=
		0 ||
	    ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), want->not_after) != 0)
		return "has other dates";
	if (!csr || memcmp(pki_csr_spki_hash(csr), want->spki_hash,
			want->spki_hash_len) != 0)
		return "does not fit its request";
	return NULL;
}

const char *pki_check_issued(const void *der, size_t der_len, const void *csr,
    size_t csr_len, const void *ca, size_t ca_len,
    const struct pki_expected *want)
{
	CLEANUP_CSR struct pki_csr *request = NULL;
	const char *reason;
	X509 *x = pki_x509(der, der_len), *issuer = pki_x509(ca, ca_len);

	pki_csr_parse(csr, csr_len, &request, &reason);
	const char *wrong = find_mismatch(x, issuer, request, want);
	if (!wrong)
		wrong = names_mismatch(der, der_len, want);
	X509_free(x);
	X509_free(issuer);
	pki_drain(0);
	return wrong;
}

const char *pki_check_crl(const void *der, size_t len, const void *ca,
    size_t ca_len, const struct pki_crl *want)
{
	const unsigned char *p = der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
	X509 *issuer = pki_x509(ca, ca_len);
	ASN1_INTEGER *number = crl ? X509_CRL_get_ext_d2i(
					 crl, NID_crl_number, NULL, NULL)
				   : NULL;
	const char *wrong = NULL;
	int64_t n = 0;

	if (!crl || !number || ASN1_INTEGER_get_int64(&n, number) != 1)
		wrong = "is damaged";
	else if (!issuer || X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		wrong = "was not signed by it";
	else if (n != want->number)
		wrong = "has another number";
	else if (ASN1_TIME_cmp_time_t(
		     X509_CRL_get0_lastUpdate(crl), want->this_update) != 0 ||
		 ASN1_TIME_cmp_time_t(
		     X509_CRL_get0_nextUpdate(crl), want->next_update) != 0)
		wrong = "has other dates";
	ASN1_INTEGER_free(number);
	X509_CRL_free(crl);
	X509_free(issuer);
	pki_drain(0);
	return wrong;
}

static const char *find_cross_mismatch(X509 *x, X509 *ca, X509 *issuer)
{
	if (!x || !ca || !issuer)
		return "is damaged";
	if (X509_verify(x, X509_get0_pubkey(issuer)) != 1 ||
	    X509_NAME_cmp(
		X509_get_issuer_name(x), X509_get_subject_name(issuer)) != 0)
		return "was not signed by it";
	if (X509_NAME_cmp(
		X509_get_subject_name(x), X509_get_subject_name(ca)) != 0 ||
	    EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(ca)) != 1)
		return "is for another one";
	return X509_check_ca(x) == 1 ? NULL : "is not a CA's";
}

const char *pki_check_cross(const void *der, size_t len, const void *ca,
    size_t ca_len, const void *issuer, size_t issuer_len)
{
	X509 *x = pki_x509(der, len), *own = pki_x509(ca, ca_len),
	     *above = pki_x509(issuer, issuer_len);
	const char *wrong = find_cross_mismatch(x, own, above);

	X509_free(x);
	X509_free(own);
	X509_free(above);
	pki_drain(0);
	return wrong;
}
