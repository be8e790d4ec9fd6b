/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"
#include "store/limits.h"

/* Limits, files of groups and keys. */

#define DEFINE_LIMIT(name, limit)                                    \
	ATTR_SHOW(name##_show)                                       \
	{                                                            \
		return store_limit(store, &row->object, limit, out); \
	}                                                            \
	ATTR_STORE(name##_store)                                     \
	{                                                            \
		struct store_edit edit = text_edit(input, limit);    \
		return store_set(store, call, &row->object, &edit);  \
	}

DEFINE_LIMIT(allowed_names, STORE_ALLOWED_NAMES)
DEFINE_LIMIT(member_names, STORE_MEMBER_NAMES)
DEFINE_LIMIT(validity, STORE_VALIDITY)
DEFINE_LIMIT(key_types, STORE_KEY_TYPES)
DEFINE_LIMIT(usages, STORE_USAGES)
