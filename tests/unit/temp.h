/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TEMP_H
#define TESTS_UNIT_TEMP_H

/* A folder of a test's own, removed with everything in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char temp_folder[64];

static inline int temp_setup(void **state)
{
	(void)state;
	strcpy(temp_folder, "/tmp/enrollfs-unit.XXXXXX");
	return mkdtemp(temp_folder) ? 0 : -1;
}

static inline int temp_teardown(void **state)
{
	(void)state;
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", temp_folder);
	return system(command);
}

/* The path of a file in the folder; one static buffer. */
static inline const char *temp_file(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", temp_folder, name);
	return path;
}

#endif
