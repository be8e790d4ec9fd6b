/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_LIMIT_H
#define STORE_OBJECTS_LIMIT_H

/* Limits as fields of groups and keys. */
#include "store/objects/kind.h"

/* `resolve` of each: checks the text that is to be stored. */
int limit_resolve_allowed_names(const struct field_edit *e, int64_t *number);
int limit_resolve_member_names(const struct field_edit *e, int64_t *number);
int limit_resolve_validity(const struct field_edit *e, int64_t *number);
int limit_resolve_key_types(const struct field_edit *e, int64_t *number);
int limit_resolve_usages(const struct field_edit *e, int64_t *number);

/* Fields of a kind, by its name in statements. Their texts are too long for
 * union store_any. */
/* clang-format off */
#define LIMIT_FIELD(KIND, FIELD, file, at) \
	[STORE_##FIELD] = {.name = #file, .set = DB_##KIND##_SET_##FIELD, \
	    .type = FIELD_TEXT, .texts = DB_##KIND##_LIMITS, .column = at, \
	    .resolve = limit_resolve_##file}
#define LIMIT_FIELDS(KIND) \
	LIMIT_FIELD(KIND, ALLOWED_NAMES, allowed_names, 0), \
	LIMIT_FIELD(KIND, MEMBER_NAMES, member_names, 1), \
	LIMIT_FIELD(KIND, VALIDITY, validity, 2), \
	LIMIT_FIELD(KIND, KEY_TYPES, key_types, 3), \
	LIMIT_FIELD(KIND, USAGES, usages, 4)
/* clang-format on */

#endif
