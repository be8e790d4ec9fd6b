/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/pki/internal.h"

/*
 * Distinguished names as text (RFC 4514). The text begins with the most
 * specific name, DER ends with it, so each RDN is inserted in front.
 */

enum { VALUE_MAX = 256 };

struct value {
	char text[VALUE_MAX + 1];
	size_t len;
	size_t trimmed_len; /* without trailing spaces that are not escaped */
};

static bool add_byte(struct value *v, char byte, bool is_escaped)
{
	if (v->len == VALUE_MAX || !byte)
		return false;
	v->text[v->len++] = byte;
	if (is_escaped || byte != ' ')
		v->trimmed_len = v->len;
	return true;
}

/* Reads the special character or two hex digits after a backslash (RFC 4514
 * 2.4). Returns the rest of the text, or NULL. */
static const char *read_escape(const char *p, struct value *v)
{
	char byte;

	if (*p && strchr("\\\"+,;<>= #", *p))
		return add_byte(v, *p, true) ? p + 1 : NULL;
	if (!*p || hex_bytes(p, strnlen(p, 2), &byte, 1))
		return NULL;
	return add_byte(v, byte, true) ? p + 2 : NULL;
}

/* Reads a value up to `,`, `+` or the end. Returns the rest, or NULL. */
static const char *read_value(const char *p, struct value *v)
{
	*v = (struct value){0};
	p += strspn(p, " ");
	if (*p == '#')
		return NULL;
	while (p && *p && *p != ',' && *p != '+') {
		if (*p == '\\')
			p = read_escape(p + 1, v);
		else if (strchr("\";<>", *p) || !add_byte(v, *p, false))
			return NULL;
		else
			p++;
	}
	v->len = v->trimmed_len;
	return p && v->len ? p : NULL;
}

/* Reads an attribute type and `=`. *nid is NID_undef for a type that is not
 * allowed in a certificate's name. Returns the rest, or NULL. */
static const char *read_type(const char *p, int *nid)
{
	static const int types[] = {NID_commonName, NID_organizationName,
	    NID_organizationalUnitName, NID_countryName, NID_localityName,
	    NID_stateOrProvinceName, NID_streetAddress, NID_domainComponent,
	    NID_userId, NID_serialNumber, NID_pkcs9_emailAddress};
	char type[32];

	p += strspn(p, " ");
	size_t n = strcspn(p, "= ,+");
	*nid = NID_undef;
	if (!n || n >= sizeof(type))
		return NULL;
	memcpy(type, p, n);
	type[n] = '\0';
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(type, OBJ_nid2sn(types[i])) == 0 ||
		    strcasecmp(type, OBJ_nid2ln(types[i])) == 0)
			*nid = types[i];
	p += n;
	p += strspn(p, " ");
	return *p == '=' ? p + 1 : NULL;
}

/* OpenSSL enforces the lengths of RFC 5280 appendix A.1 and chooses the string
 * type. */
static bool add_attribute(
    X509_NAME *name, int nid, const struct value *v, bool joined)
{
	return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
		   (const unsigned char *)v->text, (int)v->len, joined ? 1 : 0,
		   joined ? -1 : 0) == 1;
}

static bool read_name(const char *p, X509_NAME *name, const char **reason)
{
	struct value value;
	bool joined = false;
	int nid;

	for (;;) {
		*reason =
		    "a subject is written like CN=Enrollment CA,OU=PKI,O=Example,C=DE";
		p = read_type(p, &nid);
		if (!p)
			return false;
		p = read_value(p, &value);
		if (!p)
			return false;
		*reason =
		    "a subject has CN, O, OU, C, L, ST, street, DC, UID, serialNumber and emailAddress";
		if (nid == NID_undef)
			return false;
		*reason =
		    "a name in the subject is too long or has characters it cannot have";
		if (!add_attribute(name, nid, &value, joined))
			return false;
		if (!*p)
			return true;
		joined = *p++ == '+';
	}
}

/* Encodes and decodes a name. DER sorts the attributes of an RDN that are
 * joined by `+`, a SET (X.690 11.6). */
static X509_NAME *reencode(const X509_NAME *name)
{
	X509_NAME *again = NULL;
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(name, &der);
	const unsigned char *p = der;

	if (n > 0)
		again = d2i_X509_NAME(NULL, &p, n);
	OPENSSL_free(der);
	return again;
}

X509_NAME *pki_name(const char *text, const char **reason)
{
	X509_NAME *name = X509_NAME_new(), *out = NULL;

	*reason = NULL;
	if (name && read_name(text, name, reason)) {
		*reason = NULL;
		out = reencode(name);
	}
	X509_NAME_free(name);
	return out;
}

static int print_name(const X509_NAME *name, struct bytes *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	int rc = -ENOMEM;

	/* UTF-8 unescaped, as RFC 4514 2.4 allows */
	if (bio &&
	    X509_NAME_print_ex(bio, name, 0,
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		long n = BIO_get_mem_data(bio, &text);
		rc = bytes_add(out, text, (size_t)n);
	}
	BIO_free(bio);
	return pki_drain(rc);
}

int pki_name_text(const X509_NAME *name, struct bytes *out)
{
	int rc = print_name(name, out);

	return rc ? rc : bytes_add(out, "", 1);
}

int pki_subject(const char *text, struct bytes *out, const char **reason)
{
	X509_NAME *again = NULL, *name = pki_name(text, reason);
	int rc = name ? pki_name_text(name, out)
		      : pki_refuse(-EINVAL, *reason, reason);

	/* OpenSSL omits some escapes: make sure its text still means the same
	 * name. */
	if (!rc) {
		again = pki_name((char *)out->data, reason);
		if (!again || X509_NAME_cmp(name, again) != 0)
			rc = pki_refuse(-EINVAL,
			    "a name in the subject cannot be represented as text",
			    reason);
	}
	X509_NAME_free(again);
	X509_NAME_free(name);
	return pki_drain(rc);
}
