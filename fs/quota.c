/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/quota.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "store/base/process.h"
#include "store/owner.h"

/* Which part of a limit a caller may use up. */
enum share { ANYBODY, OWNER, ROOT, SHARES };

static const struct {
	const char *name;
	long each, all[SHARES];
	bool root_too; /* whether root has to keep to `each` */
} limits[QUOTAS] = {
    [QUOTA_CONVERSATIONS] = {"files that take requests", CONVERSATIONS_PER_USER,
	{CONVERSATIONS_ANYBODY, CONVERSATIONS_OWNERS, CONVERSATIONS_MAX}, true},
    [QUOTA_FILES] = {"files", FILES_PER_USER,
	{FILES_ANYBODY, FILES_OWNERS, LONG_MAX}, false},
    [QUOTA_BYTES] = {"bytes of files", BYTES_PER_USER,
	{BYTES_ANYBODY, BYTES_OWNERS, LONG_MAX}, false},
};

/* Each user who has something has one; they are found by a hash of the uid. */
struct user {
	struct user *next;
	uid_t uid;
	long used[QUOTAS];
};

enum { BUCKETS = 256 };

static struct {
	pthread_mutex_t lock;
	struct user *first[BUCKETS];
	long used[QUOTAS];
	long peak; /* of QUOTA_BYTES since memory was given back */
} users = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Less is not worth the time. */
enum { WORTH_GIVING_BACK = 2 << 20 };

static struct user **find(uid_t uid)
{
	struct user **link = &users.first[uid % BUCKETS];

	while (*link && (*link)->uid != uid)
		link = &(*link)->next;
	return link;
}

/* The user's, made if there is none. */
static struct user *of(uid_t uid)
{
	struct user **link = find(uid);

	if (!*link) {
		*link = calloc(1, sizeof(**link));
		if (*link)
			(*link)->uid = uid;
	}
	return *link;
}

static void drop_if_empty(uid_t uid)
{
	struct user **link = find(uid), *user = *link;

	for (int i = 0; user && i < QUOTAS; i++)
		if (user->used[i])
			return;
	if (user)
		*link = user->next;
	free(user);
}

static void add(enum quota what, struct user *user, long n)
{
	user->used[what] += n;
	users.used[what] += n;
	if (users.used[QUOTA_BYTES] > users.peak)
		users.peak = users.used[QUOTA_BYTES];
}

/* 0, -EDQUOT: the user has too many; -ENOSPC: all together; -ENOMEM. */
static int try(enum quota what, uid_t uid, long n, enum share share)
{
	int rc = 0;

	pthread_mutex_lock(&users.lock);
	struct user *user = of(uid);
	if (!user)
		rc = -ENOMEM;
	else if ((share != ROOT || limits[what].root_too) &&
		 user->used[what] + n > limits[what].each)
		rc = -EDQUOT;
	else if (n > limits[what].all[share] - users.used[what])
		rc = -ENOSPC;
	else
		add(what, user, n);
	if (rc)
		drop_if_empty(uid);
	pthread_mutex_unlock(&users.lock);
	return rc;
}

/* Asked only where the part that is anybody's has been taken: it costs a look
 * into the store. */
static enum share share_of(const struct fs_request *rq, bool permitted)
{
	if (store_is_root_owner(rq->store, rq->call.uid))
		return ROOT;
	return permitted || store_owns_group(rq->store, &rq->call) ? OWNER
								   : ANYBODY;
}

/* Anybody can be refused this as often as one likes: it is counted. */
static int refuse(enum quota what, struct fs_request *rq, int why)
{
	request_stranger(rq, "open");
	return why == -EDQUOT
		   ? store_refuse(&rq->call, -ENOSPC,
			 "more than %ld %s are open", limits[what].each,
			 limits[what].name)
		   : store_refuse(&rq->call, -ENOSPC,
			 "too many %s are open, of all users together",
			 limits[what].name);
}

int quota_take(enum quota what, struct fs_request *rq, long n, bool permitted)
{
	uid_t uid = rq->call.uid;
	int rc = try(what, uid, n, uid ? ANYBODY : ROOT);

	if ((rc == -EDQUOT || rc == -ENOSPC) && uid) {
		enum share share = share_of(rq, permitted);
		if (share != ANYBODY)
			rc = try(what, uid, n, share);
	}
	return rc == -EDQUOT || rc == -ENOSPC ? refuse(what, rq, rc) : rc;
}

/* What was freed is malloc's until it is told: with many threads it lies
 * between what is used. */
static void give_memory_back(void)
{
	pthread_mutex_lock(&users.lock);
	bool worth = users.peak - users.used[QUOTA_BYTES] >=
			 WORTH_GIVING_BACK &&
		     users.used[QUOTA_BYTES] <= users.peak / 2;
	if (worth)
		users.peak = users.used[QUOTA_BYTES];
	pthread_mutex_unlock(&users.lock);
	if (worth)
		process_give_memory_back();
}

void quota_add(enum quota what, uid_t uid, long n)
{
	if (!n)
		return;
	pthread_mutex_lock(&users.lock);
	struct user *user = *find(uid);
	if (user)
		add(what, user, n);
	drop_if_empty(uid);
	pthread_mutex_unlock(&users.lock);
	if (n < 0 && what == QUOTA_BYTES)
		give_memory_back();
}
