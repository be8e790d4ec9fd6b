/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/db/sqlite/sqlite.h"

/*
 * Whether the files are still those that have their names is asked before and
 * after every commit. Looking at five names each time would cost more than the
 * rest of a commit's calls. So the kernel says when there is a reason to look:
 * inotify(7) when a name in the directory changes, or the directory or one
 * above it is renamed or removed; the table of mounts, when something is
 * mounted. An event is there before the call that caused it returns, so what
 * has been removed is seen by the next commit. Once a second the names are
 * looked at anyway. Where something cannot be watched, that is each time.
 */
enum {
	NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO,
	ITSELF = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
};

static bool add(int events, const char *path, uint32_t mask)
{
	return inotify_add_watch(events, path, mask) >= 0;
}

/* The directories above that of the database; its path has no links. */
static bool add_above(int events, const char *path)
{
	char above[PATH_MAX];
	bool ok = add(events, "/", ITSELF);

	snprintf(above, sizeof(above), "%s", path);
	char *end = strrchr(above, '/');
	if (end)
		*end = '\0';
	while (ok && (end = strrchr(above, '/')) != NULL && end != above) {
		*end = '\0';
		ok = add(events, above, ITSELF);
	}
	return ok;
}

void sqlite_watch(struct sqlite_db *db)
{
	struct sqlite_watch *w = &db->watch;
	char dir[64];

	w->events = w->mounts = -1;
	if (db->dir == AT_FDCWD || db->read_only)
		return;
	snprintf(dir, sizeof(dir), "/proc/self/fd/%d", db->dir);
	w->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->events < 0 || w->mounts < 0 ||
	    !add(w->events, dir, NAMES | ITSELF) ||
	    !add_above(w->events, db->path))
		sqlite_unwatch(db);
}

void sqlite_unwatch(struct sqlite_db *db)
{
	struct sqlite_watch *w = &db->watch;

	if (w->events >= 0)
		close(w->events);
	if (w->mounts >= 0)
		close(w->mounts);
	w->events = w->mounts = -1;
}

/* Takes the events: what happens from here on makes new ones. */
static void drain(int events)
{
	char buffer[4096];

	while (read(events, buffer, sizeof(buffer)) > 0)
		continue;
}

/* Whether something may have changed since the last call. */
static bool has_changed(const struct sqlite_watch *w)
{
	struct pollfd fds[] = {{.fd = w->events, .events = POLLIN},
	    {.fd = w->mounts, .events = POLLPRI}};

	if (poll(fds, 2, 0) == 0)
		return false;
	drain(w->events);
	return true;
}

const char *sqlite_gone_now(struct sqlite_db *db)
{
	struct sqlite_watch *w = &db->watch;
	int64_t now = clock_ticks();
	bool watched = w->events >= 0 && !has_changed(w);

	if (watched && w->looked && now - w->looked < CLOCK_SECOND)
		return NULL;
	const char *gone = sqlite_gone(db);
	w->looked = gone ? 0 : now;
	return gone;
}
