/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/db/sqlite/sqlite.h"

/* A copy of an open database, page by page anew: a page of the copy has no rest
 * of what the same page once had. */

static int vacuum_into(struct sqlite_conn *conn, const char *name)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(
	    conn->sqlite, "VACUUM INTO ?1", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	int rc = sqlite_error(conn->sqlite, code, "copying it");
	sqlite3_finalize(statement);
	return rc;
}

/* The writer's connection belongs to the writer's thread. */
int sqlite_copy(struct db *common, const char *draft)
{
	struct sqlite_db *db = common->handle;
	struct sqlite_conn *conn = NULL;
	char *name = sqlite_name(db->dir, draft);
	mode_t mask = umask(077);
	int rc = name ? sqlite_connect(
			    db->name, SQLITE_OPEN_READONLY, db->vfs, &conn)
		      : -ENOMEM;

	if (!rc)
		rc = vacuum_into(conn, name);
	umask(mask);
	sqlite_disconnect(conn);
	free(name);
	return rc;
}
