/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/quota.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "store/base/process.h"

/* How much of a limit a caller may use. */
enum share { ANYBODY, OWNER, ROOT, SHARES };

static const struct {
	const char *name;
	long each, all[SHARES];
	bool root_too; /* whether `each` limits root too */
} limits[QUOTAS] = {
    [QUOTA_CONVERSATIONS] = {"files that take requests", CONVERSATIONS_PER_USER,
	{CONVERSATIONS_ANYBODY, CONVERSATIONS_OWNERS, CONVERSATIONS_MAX}, true},
    [QUOTA_FILES] = {"files", FILES_PER_USER,
	{FILES_ANYBODY, FILES_OWNERS, LONG_MAX}, false},
    [QUOTA_BYTES] = {"bytes of files", BYTES_PER_USER,
	{BYTES_ANYBODY, BYTES_OWNERS, LONG_MAX}, false},
};

/* The account of a user with open files, in a hash table by uid. */
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
	long peak; /* of QUOTA_BYTES, since memory was returned to the kernel */
} users = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returning less to the kernel is not worth the time. */
enum { WORTH_GIVING_BACK = 2 << 20 };

static struct user **find(uid_t uid)
{
	struct user **link = &users.first[uid % BUCKETS];

	while (*link && (*link)->uid != uid)
		link = &(*link)->next;
	return link;
}

/* Finds the account, or makes it. */
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

/* Returns 0, -EDQUOT (the user's limit), -ENOSPC (that of all users), -ENOMEM.
 * */
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

/* Called only when ANYBODY's share is used up: it reads the store. */
static enum share share_of(const struct fs_request *rq, bool permitted)
{
	if (store_is_root_owner(rq->store, rq->call.uid))
		return ROOT;
	return permitted || store_owns_group(rq->store, &rq->call) ? OWNER
								   : ANYBODY;
}

/* Any user can cause this at will, so it is logged as a stranger's. */
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

/* malloc keeps what was freed, since with many threads it is scattered between
 * allocated blocks. */
static void trim_memory(void)
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
		trim_memory();
}
