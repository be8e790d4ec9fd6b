/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_MOVED_H
#define STORE_BACKUP_MOVED_H

/* The file that has the lines which a trim takes out of the audit trail. */
#include "store/backup/anchor.h"
#include "store/trim.h"

/*
 * Writes the lines before trim->before to a file, which is on disk then, and
 * says which it is. *anchor, the present one, becomes the one behind the last
 * of them. Nothing is written if there are none. Returns 0, -EEXIST (such a
 * file is there, with another content) or -errno, logged.
 */
int moved_write(
    struct store *store, struct store_trim *trim, struct anchor *anchor);

#endif
