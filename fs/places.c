/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "store/base/path.h"
#include "store/base/report.h"

/* --- the kernel's list of mounts, proc_pid_mountinfo(5) --- */

struct entry {
	uint64_t id, parent;
	dev_t dev;
	const char *path, *type, *source, *options;
};

/* Called for each: 0 to go on. */
typedef int (*entry_fn)(const struct entry *entry, void *arg);

/* Spaces, tabs, newlines and backslashes stand there as three octal digits. */
static char *unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++)
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			*out = (char)((unsigned int)(in[1] & 7) << 6 |
				      (unsigned int)(in[2] & 7) << 3 |
				      (unsigned int)(in[3] & 7));
			in += 4;
		} else {
			*out = *in++;
		}
	*out = '\0';
	return text;
}

/* "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [FIELD]... - TYPE SOURCE OPTIONS" */
static bool parse(char *line, struct entry *out)
{
	unsigned long long id, parent;
	unsigned int major_number, minor_number;
	char *rest = NULL, *behind = strstr(line, " - ");

	/* numbers that the kernel has written */
	if (!behind || /* NOLINTNEXTLINE(cert-err34-c) */
	    sscanf(line, "%llu %llu %u:%u", &id, &parent, &major_number,
		&minor_number) != 4)
		return false;
	*behind = '\0';
	char *field = strtok_r(line, " ", &rest);
	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &rest);
	char *type = strtok_r(behind + 3, " ", &rest),
	     *source = strtok_r(NULL, " ", &rest);
	char *options = strtok_r(NULL, " \n", &rest);
	if (!field || !options)
		return false;
	*out = (struct entry){id, parent, makedev(major_number, minor_number),
	    unescape(field), type, unescape(source), options};
	return true;
}

static void each_mount(entry_fn fn, void *arg)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	int stop = 0;
	struct entry entry;

	while (list && !stop && getline(&line, &room, list) > 0)
		if (parse(line, &entry))
			stop = fn(&entry, arg);
	free(line);
	if (list)
		fclose(list);
}

/* Whether this user has made it for the store: fusermount3(1) records the user
 * of a mount. */
static bool is_of_store(const struct entry *e, const char *store)
{
	char user[32];

	snprintf(user, sizeof(user), ",user_id=%u,", geteuid());
	return strcmp(e->type, "fuse.enrollfs") == 0 &&
	       strcmp(e->source, store) == 0 && strstr(e->options, user);
}

/* --- one of them --- */

/* What the kernel knows without asking who serves it. id 0: a kernel before
 * 5.8. */
static int identify(int fd, struct place_mount *out)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		STATX_MNT_ID, &st))
		return -errno;
	*out = (struct place_mount){
	    .id = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0,
	    .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
	};
	return 0;
}

/* The root of the mount at a path, if it is that one. */
static int open_root(const char *path, const struct place_mount *want)
{
	struct place_mount is = {0};
	int fd = path_open(path, O_PATH | O_DIRECTORY);

	if (fd >= 0 && !identify(fd, &is) && is.dev == want->dev &&
	    (!is.id || is.id == want->id))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct search {
	const char *store;
	uint64_t parent;
	struct place_mount mount;
	int fd;
};

static int find_newest(const struct entry *e, void *arg)
{
	struct search *s = arg;

	if (is_of_store(e, s->store) && (!s->parent || e->parent == s->parent))
		s->mount = (struct place_mount){e->id, e->dev};
	return 0; /* a new one stands behind those that were there */
}

struct place_mount place_find(const char *store, int place)
{
	struct search s = {.store = store};
	struct place_mount below = {0};

	if (!identify(place, &below))
		s.parent = below.id;
	each_mount(find_newest, &s);
	return s.mount;
}

static int reach(const struct entry *e, void *arg)
{
	struct search *s = arg;

	if (e->id == s->mount.id && e->dev == s->mount.dev)
		s->fd = open_root(e->path, &s->mount);
	return s->fd >= 0;
}

int place_reach(const struct place_mount *mount)
{
	struct search s = {.mount = *mount, .fd = -1};

	/* a directory on the way may be renamed at this moment */
	for (int tries = 0; mount->id && s.fd < 0 && tries < 5; tries++)
		each_mount(reach, &s);
	return s.fd;
}

int place_detach(int root)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", root);
	return umount2(path, MNT_DETACH) ? -errno : 0;
}

/* --- what a daemon that was killed has left --- */

/* Not stat: the kernel may still know a dead one's root. */
static bool is_dead(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOTCONN;
}

static int clear(int root, const char *path)
{
	int rc = place_detach(root);

	if (!rc)
		report(LOG_NOTICE,
		    "took away a mount at %s whose daemon has died", path);
	return rc;
}

static int clear_dead(const struct entry *e, void *arg)
{
	const struct search *s = arg;
	struct place_mount mount = {e->id, e->dev};
	int fd = is_of_store(e, s->store) ? open_root(e->path, &mount) : -1;

	if (fd >= 0 && is_dead(fd))
		clear(fd, e->path);
	if (fd >= 0)
		close(fd);
	return 0;
}

void place_clear_dead(const char *store)
{
	struct search s = {.store = store};

	if (geteuid() == 0)
		each_mount(clear_dead, &s);
}

int place_open(const char *mountpoint)
{
	int fd, rc = 0;

	/* what is looked at is what is taken away and what is mounted on,
	 * whatever leads there by then */
	while ((fd = path_open(mountpoint, O_PATH | O_DIRECTORY)) >= 0 &&
	       is_dead(fd) && !rc) {
		rc = clear(fd, mountpoint);
		close(fd);
	}
	if (fd >= 0 && !rc)
		return fd;
	if (rc)
		report(LOG_ERR,
		    "mountpoint %s: a mount whose daemon has died is in the way; take it away with fusermount3 -u",
		    mountpoint);
	else
		rc = -errno;
	if (rc != -EPERM)
		report(LOG_ERR, "mountpoint %s: %s", mountpoint,
		    rc == -ENOTDIR ? "not a directory" : strerror(-rc));
	return rc;
}
