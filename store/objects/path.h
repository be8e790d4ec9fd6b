/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_PATH_H
#define STORE_OBJECTS_PATH_H

/* Names of objects; see also store_path. */
#include "store/store.h"

/* The name of a fixed directory. */
const char *store_place_name(int place);

/* The names in a member's certificate, as stored: PLACE/GROUP/MEMBER, where
 * PLACE is a number. */
struct issued_names {
	int place;
	const char *group, *member;
};

/* Splits stored names in place; *out points into them. Returns 0, or -EIO
 * (malformed). */
int issued_names(char *names, struct issued_names *out);

#endif
