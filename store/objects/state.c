/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/clock.h"
#include "store/store.h"

/* States are functions of the object and the clock. */

const char *store_state_name(enum store_state state)
{
	static const char *const name[] = {
	    "active", "exhausted", "disabled", "expired", "revoked", "pending"};

	return name[state];
}

enum store_state store_key_state(const struct store_key *key)
{
	if (!key->enabled || !key->group_enabled)
		return STORE_DISABLED;
	if (key->expires != STORE_NEVER && clock_past(key->expires))
		return STORE_EXPIRED;
	return store_key_remaining(key) == 0 ? STORE_EXHAUSTED : STORE_ACTIVE;
}

int64_t store_key_remaining(const struct store_key *key)
{
	if (key->max_uses == STORE_UNLIMITED)
		return STORE_UNLIMITED;
	return key->uses < key->max_uses ? key->max_uses - key->uses : 0;
}

enum store_state store_member_state(const struct store_member *member)
{
	if (member->revoked)
		return STORE_REVOKED;
	return clock_past(member->not_after) ? STORE_EXPIRED : STORE_ACTIVE;
}

enum store_state store_cert_state(const struct store_cert *cert)
{
	if (cert->pending)
		return STORE_PENDING;
	if (!cert->enabled)
		return STORE_DISABLED;
	return clock_past(cert->not_after) ? STORE_EXPIRED : STORE_ACTIVE;
}
