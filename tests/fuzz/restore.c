/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fuzz/restore.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	static char path[] = "/dev/shm/fuzz-restore.XXXXXX";
	static struct db *db;
	static struct store store;
	char *text = strndup((const char *)data, len), *rest = text;

	/* only the name: db_open refuses an empty file */
	if (!db && (close(mkstemp(path)) || unlink(path) ||
		       db_open(AT_FDCWD, path, DB_CREATE, &db) ||
		       db_remove(AT_FDCWD, path)))
		abort();
	db_set_context(db, &store, &journal_hooks);
	db_submit(db, &take, &rest);
	free(text);
	return 0;
}
