/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_LIMITS_H
#define STORE_ENROLL_LIMITS_H

/* The limits of a member's group and key, as read with its row. */
#include "store/db/db.h"
#include "store/enroll/allowed.h"

/* In the order of DB_LIMITS. */
enum limit {
	LIMIT_ALLOWED_NAMES,
	LIMIT_MEMBER_NAMES,
	LIMIT_VALIDITY,
	LIMIT_KEY_TYPES,
	LIMIT_USAGES,
	LIMITS
};

/* Zeros: none. */
struct limits {
	int64_t group_edits, key_edits;	   /* how often they were edited */
	char *group[LIMITS], *key[LIMITS]; /* NULL: empty */
};

/* Reads them from a row, where the first of the group's and of the key's are at
 * these columns, in place of what is there. Returns 0 or -ENOMEM. */
int limits_read(
    struct limits *limits, const struct db_row *row, int of_group, int of_key);
void limits_free(struct limits *limits);

/* Whether any is set. */
bool limits_set(const struct limits *limits);

/* The two lists of one kind. */
struct allowed_lists limits_of(const struct limits *limits, enum limit which);

#endif
