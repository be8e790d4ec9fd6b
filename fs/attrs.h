/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_ATTRS_H
#define FS_ATTRS_H

/* The handlers of each kind, for the table; see struct attr for what they
 * do. */
#include "fs/tree.h"

#define SHOW(name)                                                \
	int name(struct store *store, const union store_any *row, \
	    struct bytes *out)
#define SIZE(name) \
	int name(struct store *store, const union store_any *row, size_t *len)
#define SNAPSHOT(name)                                                       \
	int name(struct store *store, const union store_any *row, bool look, \
	    struct store_snapshot **out)
#define DEFINE_SNAPSHOT(name, which)                                 \
	SNAPSHOT(name)                                               \
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

#define TAKE(name)                                                            \
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
SHOW(show_created);
SHOW(show_modified);
SHOW(show_modified_by);
SHOW(show_managed);
SHOW(show_cert_pem);
SHOW(show_chain_pem);
SHOW(show_fullchain_pem);
SHOW(show_csr_pem);
SHOW(show_fingerprint);
SIZE(size_cert_pem);
SIZE(size_chain_pem);
SIZE(size_fullchain_pem);
SIZE(size_csr_pem);
SIZE(size_fingerprint);
STORE(store_description);
STORE(store_enabled);
STORE(store_managed);
STORE(store_signing_cert);

/* The edit that stores one text. */
struct store_edit text_edit(const struct input *input, enum store_field field);

/* Stores one number; for handlers that have parsed it. */
int store_number(struct store *store, struct store_call *call,
    const union store_any *row, const struct input *input,
    enum store_field field, int64_t number);

/* A value that is not of its form: -EINVAL or -ERANGE, and what would be. */
int not_a(struct store_call *call, int error, const char *what);

/* root.c */
SHOW(show_domain);
SHOW(show_version);
MEASURE(measure_version);

/* log.c */
SHOW(show_log_head);
READ(read_log);
MEASURE(measure_log);
MEASURE(measure_log_head);

/* export.c */
SHOW(show_export);
MEASURE(measure_export);
READ(read_segment);
MEASURE(measure_segment);

/* table.c */
SNAPSHOT(snapshot_keys);
SNAPSHOT(snapshot_members);

/* metrics.c */
SNAPSHOT(snapshot_metrics);

/* group.c */
SHOW(show_group_description);
SHOW(show_group_enabled);
SHOW(show_group_signing_cert);
int64_t keys_changed(const union store_any *row);
int64_t members_changed(const union store_any *row);
int64_t list_changed(const union store_any *row);

/* key.c */
SHOW(show_key_link);
SIZE(size_key);
int copy_key(struct store *store, struct store_call *call,
    const union store_any *row, struct bytes *out);
bool key_exportable(const union store_any *row);
SHOW(show_max_uses);
SHOW(show_uses);
SHOW(show_remaining);
SHOW(show_key_signing_cert);
SHOW(show_key_enabled);
SHOW(show_expires);
SHOW(show_exportable);
SHOW(show_key_state);
SHOW(show_key_description);
SHOW(show_id);
SHOW(show_copies);
SHOW(show_last_copied);
SHOW(show_last_used);
STORE(store_max_uses);
STORE(store_expires);
STORE(store_exportable);

int find_drop(struct store *store, const union store_any *row, const char *name,
    union store_any *out);
int each_drop(struct store *store, const union store_any *row, int64_t after,
    store_each_fn fn, void *arg);

/* enroll.c */
TAKE(take_enroll);
TAKE(take_key_enroll);
TAKE(take_drop);
TAKE(take_renew);
TAKE(take_member_renew);
SHOW(show_drop_csr);
SIZE(size_drop_csr);
SHOW(show_drop_crt);
SIZE(size_drop_crt);

/* member.c */
SHOW(show_member_serial);
SHOW(show_member_not_before);
SHOW(show_member_not_after);
SHOW(show_provisioning_key);
SHOW(show_member_signing_cert);
SHOW(show_member_state);
SHOW(show_enrolled);
SHOW(show_enrolled_by);
SHOW(show_member_description);
SHOW(show_revocation);
STORE(store_revocation);

/* cert.c */
SHOW(show_issuer);
SHOW(show_algorithm);
SHOW(show_subject);
SHOW(show_cert_state);
SHOW(show_cert_enabled);
SHOW(show_validity_days);
SHOW(show_ca_validity_days);
SHOW(show_crl_days);
SHOW(show_cert_serial);
SHOW(show_cert_not_before);
SHOW(show_cert_not_after);
SHOW(show_issued);
SHOW(show_revoked);
SHOW(show_index_attr);
SNAPSHOT(snapshot_crl_pem);
SNAPSHOT(snapshot_crl_der);
SNAPSHOT(snapshot_index);
STORE(store_algorithm);
STORE(store_subject);
STORE(store_issuer);
STORE(store_ca_validity_days);
TAKE(take_cert_pem);
TAKE(take_import);
STORE(store_validity_days);
STORE(store_crl_days);

#endif
