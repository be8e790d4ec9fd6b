/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_DRAFT_NAME_H
#define FS_DRAFT_NAME_H

/* Which names are those of drafts (draft.h). Pure functions. All other unknown
 * names are typos: max_use, max_uses2, imprt. */
#include <sys/stat.h>

#include "fs/tree.h"

/*
 * Whether a new file is a draft because of how it is created: with O_EXCL, and
 * with a leading dot or #, a trailing ~, the name 4913 (vim), or O_RDWR and
 * mode 0600 as mkstemp(3) does.
 */
bool draft_name_made(const char *name, int flags, mode_t mode);

/*
 * Whether a name is that of a draft, or of a lock directory, however it is
 * created: an optional dot or #, the name of a file of this kind, and one of .
 * ~ # , - or eight digits (Puppet's date). In a flat kind (tree.h), of a file
 * that is dropped.
 */
bool draft_name_beside(const struct kind *kind, const char *name);

/* Whether it ends as a numbered backup of cp and mv does: `max_uses.~1~`. */
bool draft_name_numbered(const char *name);

/* Whether the name is that of a file that is dropped, and so never of a draft.
 * */
bool draft_name_drops(const struct kind *kind, const char *name);

#endif
