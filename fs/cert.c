/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attrs.h"
#include "fs/value.h"

int show_issuer(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->cert.issuer ? row->cert.issuer_name : "self");
}

int show_algorithm(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->cert.algorithm);
}

int show_subject(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->cert.subject);
}

int show_cert_state(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, store_state_name(store_cert_state(&row->cert)));
}

int show_cert_enabled(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.enabled);
}

int show_validity_days(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.validity_days);
}

int show_ca_validity_days(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.ca_validity_days);
}

int show_crl_days(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.crl_days);
}

int show_cert_serial(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_text(out, row->cert.serial);
}

int show_cert_not_before(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_time(out, row->cert.not_before);
}

int show_cert_not_after(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_time(out, row->cert.not_after);
}

int show_issued(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.issued);
}

int show_revoked(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.revoked);
}

int show_cert_managed(struct store *store, const union store_any *row, struct bytes *out)
{
	(void)store;
	return value_add_number(out, row->cert.managed);
}

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
