/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "store/pki/internal.h"

/* URLs in certificates: of the issuer's revocation list and of its
 * certificate. */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') ||
	       (c >= 'a' && c <= 'f');
}

/* Whether all bytes may stand in a URI (RFC 3986 2); a fragment means nothing
 * in one that is fetched. */
static bool has_uri_characters(const char *url, size_t len)
{
	static const char more[] = "-._~:/?[]@!$&'()*+,;=%";

	for (size_t i = 0; i < len; i++) {
		char c = url[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');
		if (!plain && !memchr(more, c, sizeof(more) - 1))
			return false;
		if (c == '%' &&
		    (len - i < 3 || !is_hex(url[i + 1]) || !is_hex(url[i + 2])))
			return false;
	}
	return true;
}

/* RFC 5280 4.2.1.13: an LDAP URL names an entry and one attribute. */
static bool names_attribute(const char *path, size_t len)
{
	const char *attribute = memchr(path, '?', len);

	if (!attribute || attribute - path < 2) /* no entry behind the `/` */
		return false;
	len -= (size_t)(++attribute - path);
	const char *end = memchr(attribute, '?', len);
	if (end)
		len = (size_t)(end - attribute);
	return len > 0 && !memchr(attribute, ',', len);
}

static bool begins_with(const char *url, size_t len, const char *scheme)
{
	return len >= strlen(scheme) &&
	       strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static const char *url_fault(const char *url, size_t len)
{
	bool ldap = begins_with(url, len, "ldap://");

	if (!len)
		return "a line is empty";
	if (len > PKI_URL_MAX)
		return "a URL has at most 512 bytes";
	/* RFC 5280 8: the list would be needed to fetch it */
	if (begins_with(url, len, "https:") || begins_with(url, len, "ldaps:"))
		return "a list fetched over TLS needs itself to be verified: RFC 5280 8 asks for http or ldap";
	if (!ldap && !begins_with(url, len, "http://"))
		return "a URL begins with http:// or ldap://";
	if (!has_uri_characters(url, len))
		return "a URL has only the characters of RFC 3986, and no fragment";
	const char *host = strchr(url, '/') + 2;
	size_t rest = len - (size_t)(host - url), host_len = 0;
	while (host_len < rest && host[host_len] != '/' && host[host_len] != '?')
		host_len++;
	if (memchr(host, '@', host_len))
		return "a URL here has no user and no password";
	if (!ldap && (!host_len || *host == ':'))
		return "a URL names a host";
	if (ldap && !names_attribute(host + host_len, rest - host_len))
		return "an LDAP URL names an entry and one attribute, as ldap://HOST/DN?ATTRIBUTE";
	return NULL;
}

int pki_urls(const char *lines, const char **reason)
{
	for (int n = 0; *lines || n; n++) {
		size_t len = strcspn(lines, "\n");
		*reason = n < PKI_URLS ? url_fault(lines, len)
				       : "at most 8 URLs";
		if (*reason)
			return -EINVAL;
		if (!lines[len])
			break;
		lines += len + 1;
	}
	return 0;
}

/* --- in certificates --- */

enum { URI = DER_CONTEXT + 6 }; /* GeneralName, an IMPLICIT IA5String */

/* Calls fn for each line. */
static void each_url(struct der *der, const char *lines,
    void (*fn)(struct der *der, const char *url, size_t len))
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		fn(der, lines, len);
		lines += len + (lines[len] == '\n');
	}
}

static void write_name(struct der *der, const char *url, size_t len)
{
	der_element(der, URI, url, len);
}

/* RFC 5280 4.2.1.13: one distribution point; several names in it are several
 * ways to the same list. */
static void write_distribution_point(struct der *der, const char *urls)
{
	enum { NAME = DER_EXPLICIT + 0, FULL_NAME = DER_EXPLICIT + 0 };
	struct pki_extension at = pki_extension_begin(
	    der, NID_crl_distribution_points, false);
	size_t points = der_begin(der, DER_SEQUENCE),
	       point = der_begin(der, DER_SEQUENCE),
	       name = der_begin(der, NAME), full = der_begin(der, FULL_NAME);

	each_url(der, urls, write_name);
	der_end(der, full);
	der_end(der, name);
	der_end(der, point);
	der_end(der, points);
	pki_extension_end(der, at);
}

static void write_access(struct der *der, const char *url, size_t len)
{
	size_t at = der_begin(der, DER_SEQUENCE);

	pki_oid(der, NID_ad_ca_issuers);
	write_name(der, url, len);
	der_end(der, at);
}

/* RFC 5280 4.2.2.1: an access description for each URL. */
static void write_authority_info(struct der *der, const char *urls)
{
	struct pki_extension at = pki_extension_begin(
	    der, NID_info_access, false);
	size_t list = der_begin(der, DER_SEQUENCE);

	each_url(der, urls, write_access);
	der_end(der, list);
	pki_extension_end(der, at);
}

int pki_ca_tell(struct pki_ca *ca, const char *crl_urls, const char *issuer_urls)
{
	struct der der = {.out = &ca->told};

	if (*crl_urls)
		write_distribution_point(&der, crl_urls);
	if (*issuer_urls)
		write_authority_info(&der, issuer_urls);
	return pki_drain(der.rc);
}
