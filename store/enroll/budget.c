/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/budget.h"

#include "store/base/clock.h"

/* The user's account, or the one that is used up the least. */
static struct budget_account *find(struct budget *budget, uid_t uid)
{
	struct budget_account *least = &budget->account[0];

	for (int i = 0; i < BUDGET_USERS; i++) {
		struct budget_account *a = &budget->account[i];
		if (a->uid == uid && a->until)
			return a;
		if (a->until < least->until)
			least = a;
	}
	return least;
}

bool budget_left(struct budget *budget, uid_t uid, int64_t now)
{
	pthread_mutex_lock(&budget->lock);
	const struct budget_account *a = find(budget, uid);
	bool left = a->uid != uid ||
		    a->until < now + BUDGET_SECONDS * CLOCK_SECOND;
	pthread_mutex_unlock(&budget->lock);
	return left;
}

void budget_use(struct budget *budget, uid_t uid, int64_t now, int64_t used)
{
	pthread_mutex_lock(&budget->lock);
	struct budget_account *a = find(budget, uid);
	if (a->uid != uid || a->until < now)
		a->until = now;
	a->uid = uid;
	a->until += used * BUDGET_PART;
	pthread_mutex_unlock(&budget->lock);
}
