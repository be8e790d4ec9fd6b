/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_ATTR_H
#define FS_ATTR_H

/* The handlers of attributes, named as in the kernel: the attribute first, then
 * what the handler does. struct attr (tree.h) has their contracts. */
#include "fs/tree.h"

#define ATTR_SHOW(name)                                           \
	int name(struct store *store, const union store_any *row, \
	    struct bytes *out)
#define ATTR_SIZE(name) \
	int name(struct store *store, const union store_any *row, size_t *len)
#define ATTR_LIST(name)                                                      \
	int name(struct store *store, const union store_any *row, bool look, \
	    struct store_snapshot **out)
#define ATTR_MEASURE(name)                                                     \
	int name(struct store *store, const union store_any *row, size_t *len, \
	    int64_t *changed)
#define ATTR_READ(name)                                           \
	int name(struct store *store, const union store_any *row, \
	    int64_t offset, size_t size, struct bytes *out)
#define ATTR_STORE(name)                                       \
	int name(struct store *store, struct store_call *call, \
	    const union store_any *row, const struct input *input)

#define ATTR_SYNC(name)                                        \
	int name(struct store *store, struct store_call *call, \
	    const union store_any *row, struct store_wait *wait)

#define ATTR_SETTLE(name) ATTR_SYNC(name)

#define ATTR_SUBMIT(name)                                                     \
	int name(struct store *store, struct store_call *call,                \
	    const union store_any *row, const char *member, const void *data, \
	    size_t len, struct bytes *reply)

/* A show handler that appends one value. */
#define DEFINE_SHOW(name, append) \
	ATTR_SHOW(name)           \
	{                         \
		(void)store;      \
		(void)row;        \
		return append;    \
	}

/* A list handler. */
#define DEFINE_LIST(name, which)                                     \
	ATTR_LIST(name)                                              \
	{                                                            \
		return store_snapshot(store, row, which, look, out); \
	}

/* --- attr_common.c: of several kinds --- */
ATTR_SHOW(created_show);
ATTR_SHOW(modified_show);
ATTR_SHOW(modified_by_show);
ATTR_SHOW(managed_show);
ATTR_SHOW(cert_pem_show);
ATTR_SHOW(chain_pem_show);
ATTR_SHOW(fullchain_pem_show);
ATTR_SHOW(csr_pem_show);
ATTR_SHOW(cross_pem_show);
ATTR_SHOW(fingerprint_show);
ATTR_SIZE(cert_pem_size);
ATTR_SIZE(chain_pem_size);
ATTR_SIZE(fullchain_pem_size);
ATTR_MEASURE(chain_pem_measure);
ATTR_MEASURE(fullchain_pem_measure);
ATTR_SIZE(csr_pem_size);
ATTR_SIZE(cross_pem_size);
ATTR_SIZE(fingerprint_size);
ATTR_STORE(description_store);
ATTR_STORE(enabled_store);
ATTR_STORE(approval_store);
ATTR_STORE(managed_store);
ATTR_STORE(exportable_store);
ATTR_STORE(signing_cert_store);
ATTR_SHOW(order_show);	      /* of groups and keys */
ATTR_STORE(revocation_store); /* also of members */
ATTR_SYNC(revocation_sync);
ATTR_SETTLE(order_settle);

/* Makes the edit that stores a text. */
struct store_edit text_edit(const struct input *input, enum store_field field);

/* Stores a number that the handler has parsed. */
int set_number(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field, int64_t number);

/* Refuses a value of another form: -EINVAL, or -ERANGE (too large). expected:
 * what it should be. */
int refuse_form(struct store_call *call, int error, const char *expected);

/* --- attr_root.c --- */
ATTR_SHOW(domain_show);
ATTR_SHOW(version_show);
ATTR_MEASURE(version_measure);

ATTR_SHOW(log_head_show);
ATTR_READ(log_read);
ATTR_MEASURE(log_measure);
ATTR_MEASURE(log_head_measure);

ATTR_SHOW(export_show);
ATTR_MEASURE(export_measure);
ATTR_READ(segment_read);
ATTR_MEASURE(segment_measure);

ATTR_LIST(keys_list);
ATTR_LIST(members_list);
ATTR_LIST(keys_page_list);
ATTR_LIST(members_page_list);
ATTR_LIST(metrics_list);

/* --- attr_group.c --- */
ATTR_SHOW(group_description_show);
ATTR_SHOW(group_enabled_show);
ATTR_SHOW(expire_after_show);
ATTR_STORE(expire_after_store);
ATTR_SHOW(group_signing_cert_show);
ATTR_SHOW(group_approval_show);
/* When a list of children changed (struct kind). */
int64_t keys_changed(const union store_any *row);
int64_t members_changed(const union store_any *row);
int64_t list_changed(const union store_any *row);

/* members */
ATTR_SHOW(member_serial_show);
ATTR_SHOW(member_not_before_show);
ATTR_SHOW(member_not_after_show);
ATTR_SHOW(provisioning_key_show);
ATTR_SHOW(member_signing_cert_show);
ATTR_SHOW(member_state_show);
ATTR_SHOW(enrolled_show);
ATTR_SHOW(enrolled_by_show);
ATTR_SHOW(member_description_show);
ATTR_SHOW(revocation_show);

/* --- attr_limits.c: of groups and keys --- */
ATTR_SHOW(allowed_names_show);
ATTR_STORE(allowed_names_store);
ATTR_SHOW(member_names_show);
ATTR_STORE(member_names_store);
ATTR_SHOW(validity_show);
ATTR_STORE(validity_store);
ATTR_SHOW(key_types_show);
ATTR_STORE(key_types_store);
ATTR_SHOW(usages_show);
ATTR_STORE(usages_store);

/* --- attr_key.c --- */
ATTR_SHOW(key_show);
ATTR_SIZE(key_size);
int key_copy(struct store *store, struct store_call *call,
    const union store_any *row, struct bytes *out);
bool key_present(const union store_any *row);
ATTR_SHOW(max_uses_show);
ATTR_SHOW(uses_show);
ATTR_SHOW(remaining_show);
ATTR_SHOW(key_signing_cert_show);
ATTR_SHOW(key_enabled_show);
ATTR_SHOW(expires_show);
ATTR_SHOW(exportable_show);
ATTR_SHOW(key_state_show);
ATTR_SHOW(key_approval_show);
ATTR_SHOW(key_description_show);
ATTR_SHOW(id_show);
ATTR_SHOW(copies_show);
ATTR_SHOW(last_copied_show);
ATTR_SHOW(last_used_show);
ATTR_STORE(max_uses_store);
ATTR_STORE(expires_store);
ATTR_STORE(secret_store);
ATTR_STORE(exportable_store);

int drop_find(struct store *store, const union store_any *row, const char *name,
    union store_any *out);
int drop_each(struct store *store, const union store_any *row, int64_t after,
    store_each_fn fn, void *arg);

/* --- attr_enroll.c --- */
ATTR_SUBMIT(enroll_submit);
ATTR_SUBMIT(key_enroll_submit);
ATTR_SUBMIT(drop_csr_submit);
ATTR_SUBMIT(renew_submit);
ATTR_SUBMIT(whois_submit);
ATTR_SUBMIT(member_renew_submit);
ATTR_SHOW(drop_csr_show);
ATTR_SIZE(drop_csr_size);
ATTR_SHOW(drop_crt_show);
ATTR_SIZE(drop_crt_size);

/* --- attr_pending.c --- */
ATTR_SHOW(pending_name_show);
ATTR_SHOW(pending_csr_show);
ATTR_SHOW(pending_fingerprint_show);
ATTR_SHOW(pending_code_show);
ATTR_SHOW(pending_from_show);
ATTR_STORE(approve_store);

/* --- attr_cert.c --- */
ATTR_SHOW(issuer_show);
ATTR_SHOW(algorithm_show);
ATTR_SHOW(subject_show);
ATTR_SHOW(cert_state_show);
ATTR_SHOW(cert_enabled_show);
ATTR_SHOW(cert_revocation_show);
ATTR_SHOW(validity_days_show);
ATTR_SHOW(ca_validity_days_show);
ATTR_SHOW(crl_days_show);
ATTR_SHOW(crl_url_show);
ATTR_SHOW(issuer_url_show);
ATTR_SHOW(cert_serial_show);
ATTR_SHOW(cert_not_before_show);
ATTR_SHOW(cert_not_after_show);
ATTR_SHOW(issued_show);
ATTR_SHOW(revoked_show);
ATTR_SHOW(index_attr_show);
ATTR_LIST(crl_pem_list);
ATTR_LIST(crl_der_list);
ATTR_LIST(index_list);
ATTR_STORE(algorithm_store);
ATTR_STORE(subject_store);
ATTR_STORE(issuer_store);
ATTR_SHOW(cross_show);
ATTR_STORE(cross_store);
ATTR_STORE(ca_validity_days_store);
ATTR_SUBMIT(cert_pem_submit);
ATTR_SUBMIT(import_submit);
ATTR_STORE(validity_days_store);
ATTR_STORE(crl_days_store);
ATTR_STORE(crl_url_store);
ATTR_STORE(issuer_url_store);

#endif
