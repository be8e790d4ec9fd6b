/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

DEFINE_SHOW(show_issuer, value_add_text(out, row->cert.issuer ? row->cert.issuer_name : "self"))
DEFINE_SHOW(show_algorithm, value_add_text(out, row->cert.algorithm))
DEFINE_SHOW(show_subject, value_add_text(out, row->cert.subject))
DEFINE_SHOW(show_cert_state, value_add_text(out, store_state_name(store_cert_state(&row->cert))))
DEFINE_SHOW(show_cert_enabled, value_add_number(out, row->cert.enabled))
DEFINE_SHOW(show_validity_days, value_add_number(out, row->cert.validity_days))
DEFINE_SHOW(show_ca_validity_days, value_add_number(out, row->cert.ca_validity_days))
DEFINE_SHOW(show_crl_days, value_add_number(out, row->cert.crl_days))
DEFINE_SHOW(show_cert_serial, value_add_text(out, row->cert.serial))
DEFINE_SHOW(show_cert_not_before, value_add_time(out, row->cert.not_before))
DEFINE_SHOW(show_cert_not_after, value_add_time(out, row->cert.not_after))
DEFINE_SHOW(show_issued, value_add_number(out, row->cert.issued))
DEFINE_SHOW(show_revoked, value_add_number(out, row->cert.revoked))

static int store_days(struct store *store, struct store_call *call, const union store_any *row,
	const struct input *input, enum store_field field)
{
	int64_t days;
	int rc = value_number(input->text, &days);

	if (rc)
		return not_a(call, rc, "a number of days");
	return store_number(store, call, row, input, field, days);
}

int store_validity_days(struct store *store, struct store_call *call, const union store_any *row,
	const struct input *input)
{
	return store_days(store, call, row, input, STORE_VALIDITY_DAYS);
}

int store_crl_days(struct store *store, struct store_call *call, const union store_any *row,
	const struct input *input)
{
	return store_days(store, call, row, input, STORE_CRL_DAYS);
}
