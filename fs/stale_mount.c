/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/stale_mount.h"

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

/* The kernel writes spaces, tabs, newlines and backslashes as three octal
 * digits. */
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

	/* the kernel wrote these numbers */
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

/* Whether this user made it for the store: fusermount3(1) records the user of a
 * mount. */
static bool is_of_store(const struct entry *e, const char *store)
{
	char user[32];

	snprintf(user, sizeof(user), ",user_id=%u,", geteuid());
	return strcmp(e->type, "fuse.enrollfs") == 0 &&
	       strcmp(e->source, store) == 0 && strstr(e->options, user);
}

/* --- one mount --- */

/* Without a request to the daemon behind it. id 0: the kernel is older than
 * 5.8. */
static int identify(int fd, struct mount_id *out)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		STATX_MNT_ID, &st))
		return -errno;
	*out = (struct mount_id){
	    .id = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0,
	    .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
	};
	return 0;
}

/* Opens the root of the mount at a path, if it is the wanted one. */
static int open_root(const char *path, const struct mount_id *want)
{
	struct mount_id is = {0};
	int fd = path_open(path, O_PATH | O_DIRECTORY);

	if (fd >= 0 && !identify(fd, &is) && is.dev == want->dev &&
	    (!is.id || is.id == want->id))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct mount_search {
	const char *store;
	uint64_t parent;
	struct mount_id mount;
	int fd;
};

static int find_newest(const struct entry *e, void *arg)
{
	struct mount_search *s = arg;

	if (is_of_store(e, s->store) && (!s->parent || e->parent == s->parent))
		s->mount = (struct mount_id){e->id, e->dev};
	return 0; /* newer mounts are listed last */
}

struct mount_id mount_find(const char *store, int below)
{
	struct mount_search s = {.store = store};
	struct mount_id parent = {0};

	if (!identify(below, &parent))
		s.parent = parent.id;
	each_mount(find_newest, &s);
	return s.mount;
}

static int open_if_found(const struct entry *e, void *arg)
{
	struct mount_search *s = arg;

	if (e->id == s->mount.id && e->dev == s->mount.dev)
		s->fd = open_root(e->path, &s->mount);
	return s->fd >= 0;
}

int mount_open_root(const struct mount_id *mount)
{
	struct mount_search s = {.mount = *mount, .fd = -1};

	/* a directory on the way may be renamed at this moment */
	for (int tries = 0; mount->id && s.fd < 0 && tries < 5; tries++)
		each_mount(open_if_found, &s);
	return s.fd;
}

int mount_detach(int root)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", root);
	return umount2(path, MNT_DETACH) ? -errno : 0;
}

/* --- mounts of killed daemons --- */

/* stat(2) would not do: the kernel may have cached the root's attributes. */
static bool is_stale(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOTCONN;
}

static int detach_stale(int root, const char *path)
{
	int rc = mount_detach(root);

	if (!rc)
		report(LOG_NOTICE,
		    "took away a mount at %s whose daemon has died", path);
	return rc;
}

static int detach_if_stale(const struct entry *e, void *arg)
{
	const struct mount_search *s = arg;
	struct mount_id mount = {e->id, e->dev};
	int fd = is_of_store(e, s->store) ? open_root(e->path, &mount) : -1;

	if (fd >= 0 && is_stale(fd))
		detach_stale(fd, e->path);
	if (fd >= 0)
		close(fd);
	return 0;
}

void stale_mounts_detach(const char *store)
{
	struct mount_search s = {.store = store};

	if (geteuid() == 0)
		each_mount(detach_if_stale, &s);
}

int mountpoint_open(const char *mountpoint)
{
	int fd, rc = 0;

	/* one descriptor is checked, detached and mounted on, wherever the path
	 * leads by then */
	while ((fd = path_open(mountpoint, O_PATH | O_DIRECTORY)) >= 0 &&
	       is_stale(fd) && !rc) {
		rc = detach_stale(fd, mountpoint);
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
