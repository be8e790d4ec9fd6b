/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

static const char *issuer(const struct store_cert *cert)
{
	if (cert->pending)
		return "none";
	if (cert->issuer)
		return cert->issuer_name;
	return cert->outside ? "external" : "self";
}

DEFINE_SHOW(show_issuer, value_add_text(out, issuer(&row->cert)))
DEFINE_SHOW(show_algorithm, value_add_text(out, row->cert.algorithm))
DEFINE_SHOW(show_subject, value_add_text(out, row->cert.subject))
DEFINE_SHOW(show_cert_state,
    value_add_text(out, store_state_name(store_cert_state(&row->cert))))
DEFINE_SHOW(show_cert_enabled, value_add_number(out, row->cert.enabled))
DEFINE_SHOW(show_validity_days, value_add_number(out, row->cert.validity_days))
DEFINE_SHOW(
    show_ca_validity_days, value_add_number(out, row->cert.ca_validity_days))
DEFINE_SHOW(show_crl_days, value_add_number(out, row->cert.crl_days))
DEFINE_SHOW(show_issued, value_add_number(out, row->cert.issued))
DEFINE_SHOW(show_revoked, value_add_number(out, row->cert.revoked))

/* openssl looks for this beside an index; without it two certificates of one
 * name are an error to it, and every member that has renewed has two. */
DEFINE_SHOW(show_index_attr, value_add_text(out, "unique_subject = no\n"))

/* What there is once there is a certificate. */
#define DEFINE_SHOW_LATER(name, append) \
	DEFINE_SHOW(name, row->cert.pending ? 1 : (append))

DEFINE_SHOW_LATER(show_cert_serial, value_add_text(out, row->cert.serial))
DEFINE_SHOW_LATER(
    show_cert_not_before, value_add_date(out, row->cert.not_before))
DEFINE_SHOW_LATER(show_cert_not_after, value_add_date(out, row->cert.not_after))

DEFINE_SNAPSHOT(snapshot_crl_pem, STORE_CRL_PEM)
DEFINE_SNAPSHOT(snapshot_crl_der, STORE_CRL_DER)
DEFINE_SNAPSHOT(snapshot_index, STORE_INDEX)

static int store_waiting(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	struct store_edit edit = text_edit(input, field);

	return store_cert_edit(store, call, &row->object, &edit);
}

/* Each makes a key pair, so that the newline which comes behind must not make
 * another. */
STORE(store_algorithm)
{
	int rc = input->again
		     ? 0
		     : store_waiting(store, call, row, input, STORE_ALGORITHM);

	return rc ? rc : 1;
}

STORE(store_subject)
{
	return store_waiting(store, call, row, input, STORE_SUBJECT);
}

STORE(store_issuer)
{
	int rc = input->again
		     ? 0
		     : store_waiting(store, call, row, input, STORE_ISSUER);

	return rc ? rc : 1;
}

TAKE(take_cert_pem)
{
	(void)member;
	(void)reply;
	return store_cert_install(store, call, &row->object, false, data, len);
}

TAKE(take_import)
{
	(void)member;
	(void)reply;
	return store_cert_install(store, call, &row->object, true, data, len);
}

static int store_days(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	int64_t days;
	int rc = value_number(input->text, &days);

	if (rc)
		return not_a(call, rc, "a number of days");
	return store_number(store, call, row, input, field, days);
}

STORE(store_ca_validity_days)
{
	return store_days(store, call, row, input, STORE_CA_VALIDITY_DAYS);
}

int store_validity_days(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input)
{
	return store_days(store, call, row, input, STORE_VALIDITY_DAYS);
}

int store_crl_days(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input)
{
	return store_days(store, call, row, input, STORE_CRL_DAYS);
}
