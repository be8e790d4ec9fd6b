/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/pki/internal.h"

/*
 * Names and usages in requests and certificates, read from the raw encoding:
 * a parser that decodes GeneralNames into objects may drop the forms that it
 * does not know, and a name that nobody has seen must not be signed.
 */

static const char not_der[] = "is not DER (X.690)";

/* Whether an element's content is this object identifier. */
static bool is_oid(const struct der_rest *content, int nid)
{
	const ASN1_OBJECT *object = OBJ_nid2obj(nid);

	return content->len == OBJ_length(object) &&
	       memcmp(content->at, OBJ_get0_data(object), content->len) == 0;
}

/* --- names --- */

bool pki_name_equal(const struct pki_name *a, const struct pki_name *b)
{
	return a->tag == b->tag && a->len == b->len &&
	       memcmp(a->at, b->at, a->len) == 0;
}

bool pki_asked_name(const struct pki_asked *asked, const struct pki_name *name)
{
	for (int i = 0; i < asked->names; i++)
		if (pki_name_equal(&asked->name[i], name))
			return true;
	return false;
}

bool pki_asked_same_names(const struct pki_asked *a, const struct pki_asked *b)
{
	if (a->names != b->names)
		return false;
	for (int i = 0; i < a->names; i++)
		if (!pki_asked_name(b, &a->name[i]))
			return false;
	return true;
}

static bool is_text(
    const struct pki_name *name, enum pki_name_type type, const char *text)
{
	return name->type == type && name->len == strlen(text) &&
	       memcmp(name->at, text, name->len) == 0;
}

void pki_asked_remove(struct pki_asked *asked, const char *uri, const char *dns)
{
	int left = 0;

	for (int i = 0; i < asked->names; i++)
		if (!is_text(&asked->name[i], PKI_NAME_URI, uri) &&
		    !is_text(&asked->name[i], PKI_NAME_DNS, dns))
			asked->name[left++] = asked->name[i];
	asked->names = left;
}

/* GeneralName (4.2.1.6): the tags of DER, by number. Numbers 0, 3, 4 and 5 are
 * constructed. */
static const unsigned char general_name[] = {
    DER_EXPLICIT + 0,
    DER_CONTEXT + 1,
    DER_CONTEXT + 2,
    DER_EXPLICIT + 3,
    DER_EXPLICIT + 4,
    DER_EXPLICIT + 5,
    DER_CONTEXT + 6,
    DER_CONTEXT + 7,
    DER_CONTEXT + 8,
};

static enum pki_name_type type_of(int number)
{
	enum { DNS_NAME = 2, URI = 6, IP_ADDRESS = 7 };

	switch (number) {
	case DNS_NAME:
		return PKI_NAME_DNS;
	case URI:
		return PKI_NAME_URI;
	case IP_ADDRESS:
		return PKI_NAME_IP;
	default:
		return PKI_NAME_OTHER;
	}
}

/* Takes one GeneralName off. */
static bool take_name(struct der_rest *names, struct pki_name *out)
{
	struct der_rest content;
	int tag = der_take(names, &content);
	int number = tag & ~DER_EXPLICIT;

	if (tag < 0 || number >= (int)sizeof(general_name) ||
	    general_name[number] != tag)
		return false;
	*out = (struct pki_name){
	    type_of(number), number, content.at, content.len};
	return true;
}

/* Returns NULL or a fault. */
static const char *read_names(
    struct der_rest value, int max, struct pki_asked *out)
{
	struct der_rest names;
	int n = 0;

	if (!der_take_tag(&value, DER_SEQUENCE, &names) || value.len)
		return "has a subjectAltName that is not DER (X.690)";
	if (!names.len) /* SIZE (1..MAX) */
		return "has a subjectAltName without a name";
	while (names.len) {
		struct pki_name name;
		if (!take_name(&names, &name))
			return "has a subjectAltName that is not DER (X.690)";
		if (++n > max)
			return "has more than 100 names";
		if (!pki_asked_name(out, &name))
			out->name[out->names++] = name;
	}
	return NULL;
}

/* --- usages --- */

static unsigned usage_of(const struct der_rest *oid)
{
	if (is_oid(oid, NID_client_auth))
		return PKI_CLIENT_AUTH;
	return is_oid(oid, NID_server_auth) ? PKI_SERVER_AUTH : 0;
}

static const char *read_usages(struct der_rest value, struct pki_asked *out)
{
	struct der_rest usages, oid;

	if (!der_take_tag(&value, DER_SEQUENCE, &usages) || value.len ||
	    !usages.len)
		return "has an extKeyUsage that is not DER (X.690)";
	while (usages.len) {
		if (!der_take_tag(&usages, DER_OID, &oid))
			return "has an extKeyUsage that is not DER (X.690)";
		unsigned usage = usage_of(&oid);
		if (!usage)
			return "has another extended key usage than clientAuth and serverAuth";
		out->usages |= usage;
	}
	return NULL;
}

/* --- extensions --- */

/* Takes one Extension (4.2) off. */
static bool take_extension(
    struct der_rest *list, struct der_rest *oid, struct der_rest *value)
{
	struct der_rest extension, critical;

	if (!der_take_tag(list, DER_SEQUENCE, &extension) ||
	    !der_take_tag(&extension, DER_OID, oid))
		return false;
	der_take_tag(&extension, DER_BOOLEAN, &critical);
	return der_take_tag(&extension, DER_OCTET_STRING, value) &&
	       !extension.len;
}

static void read_extension(const struct der_rest *oid,
    const struct der_rest *value, int max, struct pki_asked *out)
{
	if (is_oid(oid, NID_subject_alt_name)) {
		out->names_fault = out->has_names
				       ? "has two subjectAltName"
				       : read_names(*value, max, out);
		out->has_names = true;
	} else if (is_oid(oid, NID_ext_key_usage)) {
		out->usages_fault = out->has_usages ? "has two extKeyUsage"
						    : read_usages(*value, out);
		out->has_usages = true;
	}
}

/* Reads the content of Extensions (4.1). Returns false if it is not DER. */
static bool read_extensions(struct der_rest list, int max, struct pki_asked *out)
{
	struct der_rest oid, value;

	while (list.len) {
		if (!take_extension(&list, &oid, &value))
			return false;
		read_extension(&oid, &value, max, out);
	}
	return true;
}

/* A fault of what holds both. */
static void fail(struct pki_asked *out, const char *fault)
{
	out->has_names = out->has_usages = true;
	out->names_fault = out->usages_fault = fault;
}

/* --- requests --- */

/* Takes the content of the attributes out of a request (RFC 2986 4.1: version,
 * subject, subjectPKInfo, attributes), none if there are none. */
static bool find_attributes(struct der_rest csr, struct der_rest *attributes)
{
	enum { ATTRIBUTES = DER_EXPLICIT + 0 };
	struct der_rest request, info, skipped;

	*attributes = (struct der_rest){0};
	if (!der_take_tag(&csr, DER_SEQUENCE, &request) ||
	    !der_take_tag(&request, DER_SEQUENCE, &info) ||
	    !der_take_tag(&info, DER_INTEGER, &skipped) ||
	    !der_take_tag(&info, DER_SEQUENCE, &skipped) ||
	    !der_take_tag(&info, DER_SEQUENCE, &skipped))
		return false;
	return !info.len ||
	       (der_take_tag(&info, ATTRIBUTES, attributes) && !info.len);
}

/* Takes one Attribute (RFC 2986 4.1) off, with the content of its SET. */
static bool take_attribute(
    struct der_rest *list, struct der_rest *oid, struct der_rest *values)
{
	struct der_rest attribute;

	return der_take_tag(list, DER_SEQUENCE, &attribute) &&
	       der_take_tag(&attribute, DER_OID, oid) &&
	       der_take_tag(&attribute, DER_SET, values) && !attribute.len;
}

/* Returns NULL or a fault. */
static const char *read_attributes(
    struct der_rest attributes, struct pki_asked *out)
{
	struct der_rest oid, values, list;
	bool found = false;

	while (attributes.len) {
		if (!take_attribute(&attributes, &oid, &values))
			return not_der;
		if (!is_oid(&oid, NID_ext_req) && !is_oid(&oid, NID_ms_ext_req))
			continue;
		if (found)
			return "has two extensionRequest attributes";
		found = true;
		/* RFC 2985 5.4.2: SINGLE VALUE TRUE */
		if (!der_take_tag(&values, DER_SEQUENCE, &list) || values.len ||
		    !read_extensions(list, PKI_ASKED_MAX, out))
			return "has an extensionRequest that is not one list of extensions";
	}
	return NULL;
}

void pki_csr_asked(const struct pki_csr *csr, struct pki_asked *out)
{
	struct der_rest request, attributes;

	request.at = pki_csr_der(csr, &request.len);
	*out = (struct pki_asked){0};
	const char *fault = find_attributes(request, &attributes)
				? read_attributes(attributes, out)
				: not_der;
	if (fault)
		fail(out, fault);
}

/* --- certificates --- */

/* Takes the content of the extensions out of a certificate (RFC 5280 4.1), none
 * if there are none. */
static bool find_extensions(struct der_rest cert, struct der_rest *list)
{
	enum { EXTENSIONS = DER_EXPLICIT + 3 };
	struct der_rest whole, tbs, element;

	*list = (struct der_rest){0};
	if (!der_take_tag(&cert, DER_SEQUENCE, &whole) ||
	    !der_take_tag(&whole, DER_SEQUENCE, &tbs))
		return false;
	while (tbs.len) {
		int tag = der_take(&tbs, &element);
		if (tag < 0)
			return false;
		if (tag == EXTENSIONS)
			return !tbs.len &&
			       der_take_tag(&element, DER_SEQUENCE, list) &&
			       !element.len;
	}
	return true;
}

void pki_cert_asked(const void *der, size_t len, struct pki_asked *out)
{
	struct der_rest list;

	*out = (struct pki_asked){0};
	if (!find_extensions((struct der_rest){der, len}, &list) ||
	    !read_extensions(list, PKI_NAMES_MAX, out))
		fail(out, not_der);
}
