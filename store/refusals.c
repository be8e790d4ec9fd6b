/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"
#include "store/lists/metrics.h"
#include "store/why.h"

/*
 * Refusals are counted in slots by user; users whose slots collide share their
 * lines. All strangers together have a budget of STRANGERS_LINES, which regains
 * two lines per second, one for a refusal and one for the number of omitted
 * ones: however many they are, the trail grows no faster.
 */
enum {
	SLOTS = 256,
	LINES_A_SECOND = 50,
	STRANGERS_LINES = 256,
	STRANGERS_LINES_A_SECOND = 2
};

/* A stranger has shown neither a key nor a permission. */
enum who { STRANGER, KNOWN, KINDS };

static struct {
	pthread_mutex_t lock;
	struct slot {
		int64_t second;
		uid_t uid;
		int lines[KINDS]; /* written in that second */
		unsigned long left_out[KINDS];
	} slot[SLOTS];
	int strangers_lines;	/* left in the budget */
	int64_t supplied_until; /* clock_ticks */
} users = {.lock = PTHREAD_MUTEX_INITIALIZER};

int store_check_secret(
    struct store *store, struct store_call *call, const void *text, size_t len)
{
	int rc = pki_holds_secret(text, len, store->domain);

	return rc > 0
		   ? store_refuse(call, -EINVAL,
			 "it holds a provisioning key or a private key, which does not belong here; nothing was stored")
		   : rc;
}

/* Replaces a text that contains a secret: no secret gets into messages or the
 * trail. */
static void hide_secret(const struct store *store, char *text)
{
	if (pki_holds_secret(text, strlen(text), store->domain))
		snprintf(text, sizeof("(hidden)"), "(hidden)");
}

/* Takes a line from the strangers' budget. Returns false if it is used up. */
static bool take_line(void)
{
	static const int64_t each = CLOCK_SECOND / STRANGERS_LINES_A_SECOND;
	int64_t now = clock_ticks(),
		new_lines = (now - users.supplied_until) / each;

	if (!users.supplied_until ||
	    new_lines >= STRANGERS_LINES - users.strangers_lines) {
		users.strangers_lines = STRANGERS_LINES;
		users.supplied_until = now;
	} else {
		users.strangers_lines += (int)new_lines;
		users.supplied_until += new_lines * each;
	}
	if (!users.strangers_lines)
		return false;
	users.strangers_lines--;
	return true;
}

static void tell_left_out_of(struct store *store, struct slot *s, enum who who)
{
	struct store_call call = {.uid = s->uid, .gid = (gid_t)-1};

	store_refuse(&call, 0, "%lu more refusals of uid %u were not logged",
	    s->left_out[who], s->uid);
	report(LOG_NOTICE, "%s", call.reason);
	audit_post(store, &call, "left_out", "", -EBUSY);
	s->left_out[who] = 0;
}

/* Logs the numbers of refusals that were omitted in past seconds; at the end,
 * of all. */
static void tell_left_out(struct store *store, int64_t second, bool end)
{
	for (struct slot *s = users.slot; s < users.slot + SLOTS; s++) {
		if (s->second == second)
			continue;
		if (s->left_out[KNOWN])
			tell_left_out_of(store, s, KNOWN);
		if (s->left_out[STRANGER] && (end || take_line()))
			tell_left_out_of(store, s, STRANGER);
	}
}

/* Whether this refusal gets a line. */
static bool may_tell(struct slot *s, enum who who)
{
	static const int most[] = {[STRANGER] = 1, [KNOWN] = LINES_A_SECOND};

	if (s->lines[who] >= most[who] || (who == STRANGER && !take_line()))
		return false;
	s->lines[who]++;
	return true;
}

static void tell(struct store *store, struct store_call *call,
    const char *action, const char *path, int error, enum who who)
{
	int64_t second = clock_now() / CLOCK_SECOND;
	struct slot *s = &users.slot[call->uid % SLOTS];
	char object[STORE_PATH + 96];

	if (!call->reason[0])
		store_refuse(call, error, "%s", store_default_reason(error));
	call->recorded = true;
	struct store_call by = *call;

	snprintf(object, sizeof(object), "%s", path);
	hide_secret(store, object);
	hide_secret(store, by.reason);
	metrics_refused(store, error);
	store_identify(&by);
	why_note(&by, action, object, error);
	pthread_mutex_lock(&users.lock);
	if (s->second != second) {
		tell_left_out(store, second, false);
		s->second = second;
		s->lines[STRANGER] = s->lines[KNOWN] = 0;
	}
	s->uid = call->uid;
	bool telling = may_tell(s, who);
	if (telling) {
		report(LOG_NOTICE,
		    "%s%s%s refused: %s: %s (uid %u, pid %d, %s)", action,
		    object[0] ? " " : "", object, strerror(-error), by.reason,
		    call->uid, call->pid, by.comm);
	} else {
		s->left_out[who]++;
	}
	pthread_mutex_unlock(&users.lock);
	if (telling)
		audit_post(store, &by, action, object, error);
}

void store_log_refusal(struct store *store, struct store_call *call,
    const char *action, const char *object, int error)
{
	tell(store, call, action, object, error, KNOWN);
}

void store_log_stranger(
    struct store *store, struct store_call *call, const char *action, int error)
{
	tell(store, call, action, "", error, STRANGER);
}

void refusal_log_rest(struct store *store)
{
	pthread_mutex_lock(&users.lock);
	tell_left_out(store, 0, true);
	pthread_mutex_unlock(&users.lock);
}
