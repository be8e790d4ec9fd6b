/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_DRAFT_NAME_H
#define FS_DRAFT_NAME_H

/*
 * Which names are drafts' (draft.h). Pure. Everything else that is not there is
 * a typo: max_use, max_uses2, imprt.
 */
#include <sys/stat.h>

#include "fs/tree.h"

/*
 * Whether a file that is made like this is one: exclusively, under a name with
 * a leading dot or # or a trailing ~ or vim's 4913, or for reading and writing
 * by its owner alone, as mkstemp(3) does.
 */
bool draft_name_made(const char *name, int flags, mode_t mode);

/*
 * Whether the name is a draft's however it is made, as a directory too: behind
 * an optional dot or #, the name of a file of this kind, and one of . ~ # , -
 * or eight digits (Puppet's date). In a flat kind (tree.h) the files are those
 * that are dropped.
 */
bool draft_name_beside(const struct kind *kind, const char *name);

/* Whether the name can only be that of a file that is dropped: not a draft's,
 * however it is made. */
bool draft_name_drops(const struct kind *kind, const char *name);

#endif
