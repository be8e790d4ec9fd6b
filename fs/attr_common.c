/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"

#include <errno.h>
#include <inttypes.h>

#include "fs/value.h"

/* Handlers of attributes that several kinds have. */

DEFINE_SHOW(created_show, value_add_moment(out, row->object.created))
DEFINE_SHOW(modified_show, value_add_moment(out, row->object.modified))
DEFINE_SHOW(managed_show, value_add_number(out, row->object.managed))
DEFINE_SHOW(modified_by_show, value_add_number(out, row->object.modified_by))

#define DEFINE_DOCUMENT(name, which)                                      \
	int name##_show(struct store *store, const union store_any *row,  \
	    struct bytes *out)                                            \
	{                                                                 \
		return store_document(store, row, which, out);            \
	}                                                                 \
	int name##_size(                                                  \
	    struct store *store, const union store_any *row, size_t *len) \
	{                                                                 \
		return store_document_len(store, row, which, len);        \
	}

DEFINE_DOCUMENT(cert_pem, STORE_CERT_PEM)
DEFINE_DOCUMENT(chain_pem, STORE_CHAIN_PEM)
DEFINE_DOCUMENT(fullchain_pem, STORE_FULLCHAIN_PEM)
DEFINE_DOCUMENT(csr_pem, STORE_CSR_PEM)
DEFINE_DOCUMENT(cross_pem, STORE_CROSS_PEM)

/* What stands above an object changes by itself. */
#define DEFINE_CHAIN(name, which)                                              \
	ATTR_MEASURE(name##_measure)                                           \
	{                                                                      \
		int rc = store_document_len(store, row, which, len);           \
                                                                               \
		*changed = row->object.changed;                                \
		return rc ? rc                                                 \
			  : store_document_moment(store, row, which, changed); \
	}

DEFINE_CHAIN(chain_pem, STORE_CHAIN_PEM)
DEFINE_CHAIN(fullchain_pem, STORE_FULLCHAIN_PEM)

/* Not even an empty value before there is a certificate. */
ATTR_SHOW(fingerprint_show)
{
	size_t before = out->len;
	int rc = store_document(store, row, STORE_FINGERPRINT, out);

	return rc ? rc : out->len == before;
}

ATTR_SIZE(fingerprint_size)
{
	int rc = store_document_len(store, row, STORE_FINGERPRINT, len);

	return rc ? rc : !*len;
}

int refuse_form(struct store_call *call, int error, const char *expected)
{
	return store_refuse(call, error, "%s %s",
	    error == -ERANGE ? "too large for" : "not", expected);
}

struct store_edit text_edit(const struct input *input, enum store_field field)
{
	return (struct store_edit){
	    .field = field,
	    .text = input->text,
	    .bit = input->bit,
	    .bare = input->bare,
	    .before = input->before,
	};
}

static int set_text(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	struct store_edit edit = text_edit(input, field);

	return store_set(store, call, &row->object, &edit);
}

int set_number(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field, int64_t number)
{
	return store_set(store, call, &row->object,
	    &(struct store_edit){
		.field = field,
		.number = number,
		.bit = input->bit,
		.bare = input->bare,
		.before = input->before,
	    });
}

ATTR_STORE(description_store)
{
	int rc = value_line(input->text);

	if (rc)
		return refuse_form(
		    call, rc, "one line of UTF-8 without control characters");
	return set_text(store, call, row, input, STORE_DESCRIPTION);
}

static int set_boolean(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field)
{
	bool on;
	int rc = value_boolean(input->text, &on);

	if (rc)
		return refuse_form(
		    call, rc, "one of 0 1 no yes off on false true n y f t");
	return set_number(store, call, row, input, field, on);
}

ATTR_STORE(enabled_store)
{
	return set_boolean(store, call, row, input, STORE_ENABLED);
}

ATTR_STORE(approval_store)
{
	return set_boolean(store, call, row, input, STORE_APPROVAL);
}

ATTR_STORE(managed_store)
{
	return set_boolean(store, call, row, input, STORE_MANAGED);
}

ATTR_STORE(exportable_store)
{
	return set_boolean(store, call, row, input, STORE_EXPORTABLE);
}

static const struct store_order *order_of(const union store_any *row)
{
	return row->object.kind == STORE_KEY ? &row->key.order
					     : &row->group.order;
}

ATTR_SHOW(order_show)
{
	const struct store_order *order = order_of(row);
	int64_t left = 0;
	int rc = order->unfinished
		     ? store_order_left(store, &row->object, &left)
		     : 0;

	if (!rc)
		rc = value_add_text(
		    out, *order->reason ? order->reason : "none");
	if (!rc && order->unfinished)
		rc = bytes_printf(out, " %" PRId64 " left", left);
	return rc;
}

ATTR_STORE(revocation_store)
{
	struct store_edit edit = text_edit(input, STORE_REVOCATION);
	int rc = input->again ? 0 : store_set(store, call, &row->object, &edit);

	return rc ? rc : 1;
}

/* Until it is on the lists. */
ATTR_SYNC(revocation_sync)
{
	return store_wait_listed(store, call, &row->object, wait);
}

ATTR_SETTLE(order_settle)
{
	return store_wait_order(store, call, &row->object, wait);
}

ATTR_STORE(signing_cert_store)
{
	return set_text(store, call, row, input, STORE_SIGNING_CERT);
}
