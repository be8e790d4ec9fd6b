/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_ATTR_H
#define FS_ATTR_H

/* The handlers of each kind, for the table; see struct attr for what they
 * do. */
#include "fs/tree.h"

#define SHOW(name)                                                \
	int name(struct store *store, const union store_any *row, \
	    struct bytes *out)
#define SIZE(name) \
	int name(struct store *store, const union store_any *row, size_t *len)
#define LIST(name)                                                           \
	int name(struct store *store, const union store_any *row, bool look, \
	    struct store_snapshot **out)
#define DEFINE_LIST(name, which)                                     \
	LIST(name)                                                   \
	{                                                            \
		return store_snapshot(store, row, which, look, out); \
	}

#define MEASURE(name)                                                          \
	int name(struct store *store, const union store_any *row, size_t *len, \
	    int64_t *changed)
#define READ(name)                                                \
	int name(struct store *store, const union store_any *row, \
	    int64_t offset, size_t size, struct bytes *out)
#define STORE(name)                                            \
	int name(struct store *store, struct store_call *call, \
	    const union store_any *row, const struct input *input)

#define SUBMIT(name)                                                          \
	int name(struct store *store, struct store_call *call,                \
	    const union store_any *row, const char *member, const void *data, \
	    size_t len, struct bytes *reply)

/* A handler that appends one value of the row. */
#define DEFINE_SHOW(name, append) \
	SHOW(name)                \
	{                         \
		(void)store;      \
		(void)row;        \
		return append;    \
	}

/* attrs.c: what several kinds have */
SHOW(created_show);
SHOW(modified_show);
SHOW(modified_by_show);
SHOW(managed_show);
SHOW(cert_pem_show);
SHOW(chain_pem_show);
SHOW(fullchain_pem_show);
SHOW(csr_pem_show);
SHOW(fingerprint_show);
SIZE(cert_pem_size);
SIZE(chain_pem_size);
SIZE(fullchain_pem_size);
SIZE(csr_pem_size);
SIZE(fingerprint_size);
STORE(description_store);
STORE(enabled_store);
STORE(managed_store);
STORE(signing_cert_store);

/* The edit that stores one text. */
struct store_edit text_edit(const struct input *input, enum store_field field);

/* Stores one number; for handlers that have parsed it. */
int number_store(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field, int64_t number);

/* A value that is not of its form: -EINVAL or -ERANGE, and what would be. */
int not_a(struct store_call *call, int error, const char *what);

/* root.c */
SHOW(domain_show);
SHOW(version_show);
MEASURE(version_measure);

/* log.c */
SHOW(log_head_show);
READ(log_read);
MEASURE(log_measure);
MEASURE(log_head_measure);

/* export.c */
SHOW(export_show);
MEASURE(export_measure);
READ(segment_read);
MEASURE(segment_measure);

/* table.c */
LIST(keys_list);
LIST(members_list);

/* metrics.c */
LIST(metrics_list);

/* group.c */
SHOW(group_description_show);
SHOW(group_enabled_show);
SHOW(group_signing_cert_show);
int64_t keys_changed(const union store_any *row);
int64_t members_changed(const union store_any *row);
int64_t list_changed(const union store_any *row);

/* key.c */
SHOW(key_show);
SIZE(key_size);
int key_copy(struct store *store, struct store_call *call,
    const union store_any *row, struct bytes *out);
bool key_present(const union store_any *row);
SHOW(max_uses_show);
SHOW(uses_show);
SHOW(remaining_show);
SHOW(key_signing_cert_show);
SHOW(key_enabled_show);
SHOW(expires_show);
SHOW(exportable_show);
SHOW(key_state_show);
SHOW(key_description_show);
SHOW(id_show);
SHOW(copies_show);
SHOW(last_copied_show);
SHOW(last_used_show);
STORE(max_uses_store);
STORE(expires_store);
STORE(exportable_store);

int drop_find(struct store *store, const union store_any *row, const char *name,
    union store_any *out);
int drop_each(struct store *store, const union store_any *row, int64_t after,
    store_each_fn fn, void *arg);

/* enroll.c */
SUBMIT(enroll_submit);
SUBMIT(key_enroll_submit);
SUBMIT(drop_csr_submit);
SUBMIT(renew_submit);
SUBMIT(member_renew_submit);
SHOW(drop_csr_show);
SIZE(drop_csr_size);
SHOW(drop_crt_show);
SIZE(drop_crt_size);

/* member.c */
SHOW(member_serial_show);
SHOW(member_not_before_show);
SHOW(member_not_after_show);
SHOW(provisioning_key_show);
SHOW(member_signing_cert_show);
SHOW(member_state_show);
SHOW(enrolled_show);
SHOW(enrolled_by_show);
SHOW(member_description_show);
SHOW(revocation_show);
STORE(revocation_store);

/* cert.c */
SHOW(issuer_show);
SHOW(algorithm_show);
SHOW(subject_show);
SHOW(cert_state_show);
SHOW(cert_enabled_show);
SHOW(validity_days_show);
SHOW(ca_validity_days_show);
SHOW(crl_days_show);
SHOW(cert_serial_show);
SHOW(cert_not_before_show);
SHOW(cert_not_after_show);
SHOW(issued_show);
SHOW(revoked_show);
SHOW(index_attr_show);
LIST(crl_pem_list);
LIST(crl_der_list);
LIST(index_list);
STORE(algorithm_store);
STORE(subject_store);
STORE(issuer_store);
STORE(ca_validity_days_store);
SUBMIT(cert_pem_submit);
SUBMIT(import_submit);
STORE(validity_days_store);
STORE(crl_days_store);

#endif
