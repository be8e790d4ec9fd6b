/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NULL: empty, or no memory, then *rc is set. */
static char *read_text(const struct db_row *row, int column, int *rc)
{
	size_t len;
	const char *text = db_blob(row, column, &len);
	char *copy = text && len ? strndup(text, len) : NULL;

	if (text && len && !copy)
		*rc = -ENOMEM;
	return copy;
}

int limits_read(
    struct limits *limits, const struct db_row *row, int of_group, int of_key)
{
	int rc = 0;

	limits_free(limits);
	for (int i = 0; i < LIMITS; i++) {
		limits->group[i] = read_text(row, of_group + i, &rc);
		limits->key[i] = read_text(row, of_key + i, &rc);
	}
	return rc;
}

void limits_free(struct limits *limits)
{
	for (int i = 0; i < LIMITS; i++) {
		free(limits->group[i]);
		free(limits->key[i]);
		limits->group[i] = limits->key[i] = NULL;
	}
}

bool limits_set(const struct limits *limits)
{
	for (int i = 0; i < LIMITS; i++)
		if (limits->group[i] || limits->key[i])
			return true;
	return false;
}

struct allowed_lists limits_of(const struct limits *limits, enum limit which)
{
	return (struct allowed_lists){limits->group[which], limits->key[which]};
}
