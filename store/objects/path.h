/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OBJECTS_PATH_H
#define STORE_OBJECTS_PATH_H

/* Names of objects; see also store_path. */
#include "store/store.h"

/* The name of a fixed directory. */
const char *store_place_name(int place);

/* The names of a member in a certificate, as stored: <place>/<group>/<member>. */
struct issued_names {
	int place;
	const char *group, *member;
};

/* Splits such names in place. Returns 0, or -EIO (malformed). */
int issued_names(char *names, struct issued_names *out);

#endif
