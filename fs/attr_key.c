/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"

#include <errno.h>
#include <string.h>

#include "fs/value.h"
#include "store/base/clock.h"

/* A link: programs that walk trees do not read the secret, those that follow
 * links do. */
DEFINE_SHOW(key_show, value_add_text(out, ".key"))

bool key_present(const union store_any *row)
{
	return row->key.exportable;
}

int key_size(struct store *store, const union store_any *row, size_t *len)
{
	(void)row;
	*len = store_key_text_len(store);
	return 0;
}

int key_copy(struct store *store, struct store_call *call,
    const union store_any *row, struct bytes *out)
{
	return store_key_copy(store, call, row->object.id, out);
}

DEFINE_SHOW(max_uses_show, value_add_limit(out, row->key.max_uses))
DEFINE_SHOW(uses_show, value_add_number(out, row->key.uses))
DEFINE_SHOW(remaining_show, value_add_limit(out, store_key_remaining(&row->key)))
DEFINE_SHOW(key_signing_cert_show, value_add_text(out, row->key.signing_cert))
DEFINE_SHOW(key_enabled_show, value_add_number(out, row->key.enabled))
DEFINE_SHOW(expires_show, value_add_time(out, row->key.expires))
DEFINE_SHOW(exportable_show, value_add_number(out, row->key.exportable))
DEFINE_SHOW(key_state_show,
    value_add_text(out, store_state_name(store_key_state(&row->key))))
DEFINE_SHOW(key_approval_show, value_add_number(out, row->key.approval))
DEFINE_SHOW(key_description_show, value_add_text(out, row->key.description))
DEFINE_SHOW(id_show, value_add_number(out, row->object.id))
DEFINE_SHOW(copies_show, value_add_number(out, row->key.copies))
DEFINE_SHOW(last_copied_show, value_add_moment(out, row->key.last_copied))
DEFINE_SHOW(last_used_show, value_add_moment(out, row->key.last_used))

ATTR_STORE(max_uses_store)
{
	struct store_edit edit = {
	    .field = STORE_MAX_USES,
	    .bit = input->bit,
	    .bare = input->bare,
	    .before = input->before,
	};
	int rc = value_limit(input->text, &edit.number, &edit.relative);

	if (rc)
		return refuse_form(call, rc, "a number from 0, +N, -N or max");
	if (edit.relative && input->again)
		edit.number = 0;
	rc = store_set(store, call, &row->object, &edit);
	return rc ? rc : edit.relative;
}

ATTR_STORE(expires_store)
{
	int64_t at;
	int rc = value_time(input->text, clock_now() / CLOCK_SECOND, &at);

	if (rc == -EDOM)
		return store_refuse(call, -EINVAL,
		    "seconds since the epoch have ten digits: for a time from now add a unit, as in 30d");
	if (rc)
		return refuse_form(call, rc,
		    "never, a date (2026-12-31), a time (2026-12-31T10:15:00Z, or +02:00), seconds, or N with s m h d w");
	return set_number(store, call, row, input, STORE_EXPIRES, at);
}

/* `new`, or `new` and a time from now. */
static int parse_secret(const char *text, int64_t *until)
{
	*until = 0;
	if (strcmp(text, "new") == 0)
		return 0;
	if (strncmp(text, "new +", 5) != 0)
		return -EINVAL;
	return value_time(text + 4, clock_now() / CLOCK_SECOND, until);
}

ATTR_STORE(secret_store)
{
	int64_t until;
	int rc = parse_secret(input->text, &until);

	if (rc)
		return refuse_form(
		    call, rc, "new, or new +N with s m h d w, as in new +30d");
	if (!input->again)
		rc = store_key_replace(store, call, &row->object,
		    &(struct store_replace){until, input->bit, input->bare});
	return rc ? rc : 1;
}

ATTR_SUBMIT(whois_submit)
{
	(void)row;
	(void)member;
	return store_whois(store, call, data, len, reply);
}

/* The members that enrolled with this key. */
int drop_find(struct store *store, const union store_any *row, const char *name,
    union store_any *out)
{
	int rc = store_find(store, STORE_MEMBER, row->object.parent, name, out);

	return !rc && out->member.key != row->object.id ? -ENOENT : rc;
}

int drop_each(struct store *store, const union store_any *row, int64_t after,
    store_each_fn fn, void *arg)
{
	return store_each_enrolled(store, row->object.id, after, fn, arg);
}
