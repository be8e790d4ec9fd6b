/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_INO_H
#define FS_INO_H

#include <stdint.h>

/*
 * Inode numbers and directory cookies are encodings. There is no table of
 * inodes, forget has nothing to do, and memory does not grow with the number of
 * objects.
 *
 *	 63      56 55      48 47                               0
 *	+----------+----------+----------------------------------+
 *	|   kind   | attribute|                id                |
 *	+----------+----------+----------------------------------+
 *
 * kind is an enum kind_number; attribute is the number of a file in that kind's
 * table, or 0 for the directory; id is the object's. The root is kind 0,
 * attribute 0, id 1, which is FUSE's number for it. Ids are never reused, so an
 * inode number has one meaning for ever. The generation is 0, except for a
 * fixed directory that was removed and came back (hidden.h).
 *
 * Conversations (enroll, renew) that are open at the same time have different
 * inode numbers (fresh.h): the kernel holds the lock of an inode during a
 * write, so on one number all enrollments would wait for each other. There,
 * bits 32 to 47 are a counter without a meaning, which leaves 32 bits for the
 * id (STORE_ID_MAX). stat shows the number without the counter, so that
 * programs that look twice see one file.
 *
 * The cookie of a directory entry says where to continue: 1 is after ".", 2
 * after "..", then there is one for each fixed entry of the kind, then
 * INO_FIRST_CHILD plus the id of the last child.
 */
#define INO_ROOT UINT64_C(1)

/* Instead of a kind: a draft, whose id is that of draft.h. */
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

static inline uint16_t ino_counter(uint64_t ino)
{
	return (uint16_t)(ino >> 32);
}

static inline uint64_t ino_without_counter(uint64_t ino)
{
	return ino & ~(UINT64_C(0xffff) << 32);
}

#endif
