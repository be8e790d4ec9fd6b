/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "fs/value.h"
#include "store/snapshot.h"

static const char *issuer(const struct store_cert *cert)
{
	if (cert->pending)
		return "none";
	if (cert->issuer)
		return cert->issuer_name;
	return cert->outside ? "external" : "self";
}

DEFINE_SHOW(issuer_show, value_add_text(out, issuer(&row->cert)))
DEFINE_SHOW(algorithm_show, value_add_text(out, row->cert.algorithm))
DEFINE_SHOW(subject_show, value_add_text(out, row->cert.subject))
DEFINE_SHOW(cross_show,
    value_add_text(out, row->cert.cross[0] ? row->cert.cross : "none"))
DEFINE_SHOW(cert_state_show,
    value_add_text(out, store_state_name(store_cert_state(&row->cert))))
DEFINE_SHOW(cert_enabled_show, value_add_number(out, row->cert.enabled))
DEFINE_SHOW(cert_revocation_show,
    value_add_text(out, *row->cert.reason ? row->cert.reason : "none"))
DEFINE_SHOW(validity_days_show, value_add_number(out, row->cert.validity_days))
DEFINE_SHOW(
    ca_validity_days_show, value_add_number(out, row->cert.ca_validity_days))
DEFINE_SHOW(crl_days_show, value_add_number(out, row->cert.crl_days))
DEFINE_SHOW(crl_url_show, value_add_text(out, row->cert.crl_url))
DEFINE_SHOW(issuer_url_show, value_add_text(out, row->cert.issuer_url))
DEFINE_SHOW(issued_show, value_add_number(out, row->cert.issued))
DEFINE_SHOW(revoked_show, value_add_number(out, row->cert.revoked))

/* openssl-ca(1) reads this file with the index. By default it rejects two
 * certificates of one subject, but every member that has renewed has two. */
DEFINE_SHOW(index_attr_show, value_add_text(out, "unique_subject = no\n"))

/* Values that do not exist before the certificate does. */
#define DEFINE_SHOW_LATER(name, append) \
	DEFINE_SHOW(name, row->cert.pending ? 1 : (append))

DEFINE_SHOW_LATER(cert_serial_show, value_add_text(out, row->cert.serial))
DEFINE_SHOW_LATER(
    cert_not_before_show, value_add_date(out, row->cert.not_before))
DEFINE_SHOW_LATER(cert_not_after_show, value_add_date(out, row->cert.not_after))

DEFINE_LIST(crl_pem_list, STORE_CRL_PEM)
DEFINE_LIST(crl_der_list, STORE_CRL_DER)
DEFINE_LIST(index_list, STORE_INDEX)

static int set_pending(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	struct store_edit edit = text_edit(input, field);

	return store_cert_edit(store, call, &row->object, &edit);
}

/* Each write makes a key pair; the final newline alone must not make another.
 * */
ATTR_STORE(algorithm_store)
{
	int rc = input->again
		     ? 0
		     : set_pending(store, call, row, input, STORE_ALGORITHM);

	return rc ? rc : 1;
}

ATTR_STORE(subject_store)
{
	return set_pending(store, call, row, input, STORE_SUBJECT);
}

ATTR_STORE(issuer_store)
{
	int rc = input->again
		     ? 0
		     : set_pending(store, call, row, input, STORE_ISSUER);

	return rc ? rc : 1;
}

/* Each write signs. */
ATTR_STORE(cross_store)
{
	return input->again ? 0
			    : set_pending(store, call, row, input, STORE_CROSS);
}

ATTR_SUBMIT(cert_pem_submit)
{
	(void)member;
	(void)reply;
	return store_cert_install(store, call, &row->object, false, data, len);
}

ATTR_SUBMIT(import_submit)
{
	(void)member;
	(void)reply;
	return store_cert_install(store, call, &row->object, true, data, len);
}

static int set_days(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	int64_t days;
	int rc = value_number(input->text, &days);

	if (rc)
		return refuse_form(call, rc, "a number of days");
	return set_number(store, call, row, input, field, days);
}

ATTR_STORE(ca_validity_days_store)
{
	return set_days(store, call, row, input, STORE_CA_VALIDITY_DAYS);
}

ATTR_STORE(validity_days_store)
{
	return set_days(store, call, row, input, STORE_VALIDITY_DAYS);
}

ATTR_STORE(crl_days_store)
{
	return set_days(store, call, row, input, STORE_CRL_DAYS);
}

ATTR_STORE(crl_url_store)
{
	struct store_edit edit = text_edit(input, STORE_CRL_URL);

	return store_set(store, call, &row->object, &edit);
}

ATTR_STORE(issuer_url_store)
{
	struct store_edit edit = text_edit(input, STORE_ISSUER_URL);

	return store_set(store, call, &row->object, &edit);
}
