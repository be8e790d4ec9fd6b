/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "store/enrollment.h"

/* Files that accept requests and reply with certificates. */

static int enroll(struct store *store, struct store_call *call, int64_t key,
    const char *member, const void *data, size_t len, struct bytes *reply)
{
	if (!store_request_complete(
		key ? STORE_CSR : STORE_KEY_AND_CSR, data, len))
		return 1;
	return store_enroll(store, call, key, member, data, len, reply);
}

ATTR_SUBMIT(enroll_submit)
{
	(void)row;
	(void)member;
	return enroll(store, call, 0, NULL, data, len, reply);
}

ATTR_SUBMIT(key_enroll_submit)
{
	(void)member;
	return enroll(store, call, row->object.id, NULL, data, len, reply);
}

/* The row is the key of a new file, or the member of one that exists. */
ATTR_SUBMIT(drop_csr_submit)
{
	bool again = row->object.kind == STORE_MEMBER;

	return enroll(store, call, again ? row->member.key : row->object.id,
	    again ? row->object.name : member, data, len, reply);
}

/* These show the enrollment, also after the member has renewed its certificate.
 * */
#define ENROLLED(name, prototype, call)                                \
	prototype(name)                                                \
	{                                                              \
		union store_any enrolled;                              \
		int rc = store_member_enrolled(store, row, &enrolled); \
                                                                       \
		return rc ? rc : call;                                 \
	}

ENROLLED(drop_csr_show, ATTR_SHOW, csr_pem_show(store, &enrolled, out))
ENROLLED(drop_csr_size, ATTR_SIZE, csr_pem_size(store, &enrolled, len))
ENROLLED(drop_crt_show, ATTR_SHOW, fullchain_pem_show(store, &enrolled, out))
ENROLLED(drop_crt_size, ATTR_SIZE, fullchain_pem_size(store, &enrolled, len))

static int renew(struct store *store, struct store_call *call, int64_t member,
    const void *data, size_t len, struct bytes *reply)
{
	if (!store_request_complete(
		member ? STORE_CSR : STORE_CSR_AND_PROOF, data, len))
		return 1;
	return store_renew(store, call, member, data, len, reply);
}

ATTR_SUBMIT(renew_submit)
{
	(void)row;
	(void)member;
	return renew(store, call, 0, data, len, reply);
}

ATTR_SUBMIT(member_renew_submit)
{
	(void)member;
	return renew(store, call, row->object.id, data, len, reply);
}
