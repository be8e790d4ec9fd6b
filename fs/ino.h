/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_INO_H
#define FS_INO_H

#include <stdint.h>

/*
 * Inode numbers and directory cookies are encodings: there is no table of
 *inodes, forgetting one costs nothing, and memory does not grow with the number
 *of objects.
 *
 *	 63      56 55      48 47                               0
 *	+----------+----------+----------------------------------+
 *	|   kind   | attribute|                id                |
 *	+----------+----------+----------------------------------+
 *
 * kind is an enum kind_number, attribute the number of a file in that kind's
 *table, 0 for the directory itself, id that of the object behind it. The
 *mount's root is kind 0, attribute 0, id 1: FUSE's number for it. Ids are never
 *reused, so an inode number means one thing for ever, and the generation is 0
 *but for a fixed directory that was removed and came back (hidden.h).
 *
 * A conversation file (enroll) gets a number of its own at every lookup: the
 *kernel holds the lock of an inode while a write is carried out, so that on one
 *number all enrolments would wait for another. There the upper 16 bits of the
 *id are a counter that means nothing; what stat shows is the number without it,
 *so that tools that look twice see one file. It leaves 32 bits for the id:
 * STORE_ID_MAX.
 *
 * A directory's cookie says where to go on: 1 and 2 stand behind "." and "..",
 *then one for each fixed entry of the kind, then INO_FIRST_CHILD plus the id of
 *the last child seen.
 */
#define INO_ROOT UINT64_C(1)

/* In place of a kind: a draft, which is in no table and no store; its id is
 * draft.h's. */
enum { INO_DRAFT = 127 };

enum {
	INO_COOKIE_DOT = 1,
	INO_COOKIE_DOTDOT,
	INO_COOKIE_FIXED,
	INO_FIRST_CHILD = 1024
};

static inline uint64_t ino_make(unsigned int kind, unsigned int attr, int64_t id)
{
	return (uint64_t)kind << 56 | (uint64_t)attr << 48 |
	       ((uint64_t)id & 0xffffffffffff);
}

static inline unsigned int ino_kind(uint64_t ino)
{
	return (unsigned int)(ino >> 56);
}

static inline unsigned int ino_attr(uint64_t ino)
{
	return (unsigned int)(ino >> 48) & 0xff;
}

static inline int64_t ino_id(uint64_t ino)
{
	return (int64_t)(ino & 0xffffffffffff);
}

static inline uint64_t ino_conversation(uint64_t ino, uint16_t counter)
{
	return ino | (uint64_t)counter << 32;
}

static inline uint64_t ino_without_counter(uint64_t ino)
{
	return ino & ~(UINT64_C(0xffff) << 32);
}

#endif
