/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_FAIR_H
#define FS_FAIR_H

/*
 * How many requests of each user are worked on at a time. Those beyond that
 * wait without a thread, and take turns by user, not by arrival. What changes
 * something waits for the disk and is counted apart, so that a slow disk keeps
 * nobody from reading. Only as many of them as there are CPUs may run; the
 * others of the share wait for the disk.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FAIR_SHARE = 16,    /* of one user and kind, at a time */
	FAIR_RUNNING = 2,   /* of these, at least */
	FAIR_RESERVE = 8,   /* of all, for root and the owner of the mount */
	FAIR_WAITING = 256, /* of one user and kind */
	FAIR_WAITING_ALL = 1024,
	FAIR_WAIT_SECONDS = 10,
};

/* Bytes of those that wait: of one user and kind, and of all. */
#define FAIR_BYTES_PER_USER ((size_t)4 << 20)
#define FAIR_BYTES ((size_t)16 << 20)

struct fair;

struct fair_request {
	uid_t uid;
	bool changes; /* something, and waits for the disk */
	void *data;
	size_t len;
	int64_t since; /* clock_ticks */
	struct fair_request *next;
};

/* most: how many requests are worked on at a time, more than FAIR_RESERVE.
 * cpus: how many of a user and kind run, or FAIR_RUNNING. owner has, as root
 * has, no share but `most`. Returns NULL if there is no memory. */
struct fair *fair_new(int most, int cpus, uid_t owner);

/* Nothing waits any more. NULL is permitted. */
void fair_free(struct fair *fair);

/*
 * A request has come. Returns 1: the caller works on it, and calls fair_leave
 * then; 0: it waits, with a copy of the data; -EBUSY: too many wait already;
 * -ENOMEM: it is not counted, and to be worked on without fair_leave.
 */
int fair_enter(
    struct fair *fair, uid_t uid, bool changes, const void *data, size_t len);

/* A request of this user has been answered. paused: see fair_pause. Returns one
 * that has waited and is to be worked on by the caller, who calls fair_leave
 * for it too; or NULL. Free it with fair_drop. */
struct fair_request *fair_leave(
    struct fair *fair, uid_t uid, bool changes, bool paused);

/* A request of this user waits for the disk: from here on it takes no part of
 * the CPUs, as what is left of it then is the answer. Once for each. Returns
 * whether one that has waited may be worked on now: see fair_next. */
bool fair_pause(struct fair *fair, uid_t uid, bool changes);

/* Returns one that has waited and is to be worked on, as fair_leave does. */
struct fair_request *fair_next(struct fair *fair);

/* Takes out one that has waited for FAIR_WAIT_SECONDS at this moment
 * (clock_ticks), to be refused; or NULL. Free it with fair_drop. */
struct fair_request *fair_expired(struct fair *fair, int64_t now);

/* Wipes and frees it. */
void fair_drop(struct fair_request *request);

#endif
