/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/confine.h"
#include "fs/guard.h"
#include "fs/loop.h"
#include "fs/node.h"
#include "fs/ops.h"
#include "fs/options.h"
#include "fs/stale_mount.h"
#include "store/base/path.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/base/user.h"
#include "store/log.h"

/* Store, mount, privilege drop, main loop, shutdown. */

enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	/* Each may wait for the writer: up to this many enrollments share a
	 * commit. */
	THREADS = 64,
};

static int resolve_paths(struct options *o)
{
	if (path_absolute(&o->mountpoint, "mountpoint"))
		return -1;
	o->mountpoint_fd = mountpoint_open(o->mountpoint);
	if (o->mountpoint_fd < 0 || store_locate(&o->store) ||
	    (o->master_key && path_absolute(&o->master_key, "master key")))
		return -1;
	/* the daemon would wait for itself */
	if ((!store_is_on_server(o->store) &&
		path_below_open(o->store, o->mountpoint_fd)) ||
	    (o->master_key &&
		path_below_open(o->master_key, o->mountpoint_fd))) {
		report(LOG_ERR,
		    "store %s: it, or its master key, lies below the mountpoint %s",
		    o->store, o->mountpoint);
		return -1;
	}
	return 0;
}

/* --- the mount --- */

static bool lets_others(const struct options *o)
{
	return !o->noallow_other && (o->allow_other || o->as_root);
}

/* With default_permissions, the kernel enforces owners and modes. */
static int mount_options(struct fuse_args *args, const struct options *o)
{
	char *text = NULL, *name = NULL;
	int rc = -1;

	if (asprintf(&name, "fsname=%s", o->store) >= 0 &&
	    !fuse_opt_add_opt_escaped(&text, name) &&
	    !fuse_opt_add_opt(&text, "subtype=enrollfs") &&
	    !fuse_opt_add_opt(&text, "default_permissions") &&
	    /* else the daemon's user could make set-user-id programs and
	     * devices */
	    !fuse_opt_add_opt(&text, "nosuid") &&
	    !fuse_opt_add_opt(&text, "nodev") &&
	    (!lets_others(o) || !fuse_opt_add_opt(&text, "allow_other")) &&
	    (!o->read_only || !fuse_opt_add_opt(&text, "ro")))
		rc = fuse_opt_add_arg(args, "-o");
	if (!rc)
		rc = fuse_opt_add_arg(args, text);
	if (!rc && o->debug)
		rc = fuse_opt_add_arg(args, "-d");
	free(name);
	free(text);
	return rc;
}

/* Mounts, serves until the end, unmounts. Logs errors. */
static int serve(struct guard *guard, struct fuse_session *session,
    struct store *store, const struct options *o)
{
	if (fuse_set_signal_handlers(session)) {
		guard_end(guard);
		return -1;
	}
	int rc = guard_mount(guard, session);
	if (rc) {
		report(LOG_ERR, "could not mount %s on %s", o->store,
		    o->mountpoint);
	} else {
		report(LOG_NOTICE, "mounted %s on %s", o->store, o->mountpoint);
		store_log_event(store, "mount", o->mountpoint);
		rc = loop_run(session, THREADS, geteuid());
		store_log_event(store, "unmount", o->mountpoint);
		if (rc)
			report(LOG_ERR, "serving %s has ended: %s",
			    o->mountpoint, strerror(-rc));
	}
	guard_end(guard);
	if (!rc)
		report(LOG_NOTICE, "unmounted %s", o->mountpoint);
	fuse_remove_signal_handlers(session);
	return rc;
}

/* Messages go to syslog from here on. */
static void detach(int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	report_to_syslog("enrollfs");
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (write(ready, "", 1) != 1)
		report(LOG_WARNING, "parent exited before the mount was ready");
	close(ready);
}

/* Called when the mount answers. */
static void served(struct mount *mount)
{
	if (mount->ready >= 0)
		detach(mount->ready);
	process_ready();
}

/* What the server's library needs, for confine. */
static void note_needed(const char *file, int port, void *arg)
{
	struct confine_needed *needed = arg;

	if (!file && needed->ports < CONFINE_NEEDED)
		needed->port[needed->ports++] = port;
	if (file && needed->n < CONFINE_NEEDED)
		snprintf(needed->file[needed->n++], PATH_MAX, "%s", file);
}

static int confine_with_server(const char *store)
{
	struct confine_needed needed = {0};

	store_each_needed(store, note_needed, &needed);
	return confine_to_server(&needed);
}

static int choose_user(const struct options *o, struct user *user)
{
	return store_is_on_server(o->store) ? user_named(o->user, user)
					    : user_choose(o->user, o->store,
						  store_files(o->store), user);
}

/* Drops privileges that only the start needs, before there are threads and
 * before the store is read. */
static int drop_privileges(
    const struct options *o, struct store_options *options)
{
	struct user user;

	store_start();
	if (geteuid() == 0 && choose_user(o, &user))
		return -1;
	bool server = store_is_on_server(o->store);
	if (store_find_key(options, !server && !o->read_only))
		return -1;
	if (geteuid() == 0 && user_become(&user))
		return -1;
	/* the server knows this user, and not root */
	if (server && options->key_fd < 0 &&
	    store_find_key(options, !o->read_only))
		return -1;
	if (server ? confine_with_server(o->store) : confine(o->store))
		return -1;
	if (lets_others(o) && !process_sees_others())
		report(LOG_NOTICE,
		    "/proc hides the processes of other users (hidepid), so the groups and commands of callers are unknown: mount it with gid=GROUP, of a group that the user %d is a member of",
		    (int)geteuid());
	return 0;
}

static int serve_store(
    struct mount *mount, const struct options *o, struct guard *guard)
{
	struct store_options options = {
	    .path = o->store,
	    .mountpoint = o->mountpoint,
	    .domain = o->domain,
	    .master_key = o->master_key,
	    .read_only = o->read_only,
	    .accept_older = o->accept_older,
	    .export_gid = o->export_gid,
	    .crl_delay = o->crl_delay,
	    .timeout = (int)o->timeout,
	    .audit_gid = o->audit_group ? &o->audit_gid : NULL,
	    .uid = getuid(),
	    .gid = getgid(),
	    .enrolled = ops_enrolled,
	    .enrolled_arg = mount,
	    .member_changed = ops_member_changed,
	    .member_changed_arg = mount,
	    .waits = loop_pause,
	};
	int rc = drop_privileges(o, &options);

	if (store_is_on_server(o->store))
		node_shared_with_others();
	if (!rc)
		rc = store_open(&options, &mount->store);
	if (options.key_fd > 0)
		close(options.key_fd);
	if (rc) {
		guard_end(guard);
		return EXIT_FAILED;
	}
	return serve(guard, mount->session, mount->store, o) ? EXIT_FAILED
							     : EXIT_OK;
}

static int run(struct mount *mount, const struct options *o)
{
	const struct guard_target target = {
	    o->mountpoint_fd, o->mountpoint, o->store};
	struct guard guard;
	int rc = guard_start(&guard, mount->session, &target, o->title);

	close(o->mountpoint_fd);
	return rc ? EXIT_FAILED : serve_store(mount, o, &guard);
}

/* --- to the background --- */

/* The parent exits when the mount answers, so that the next command of a script
 * finds it. */
static int wait_for_mount(int ready)
{
	char byte;
	ssize_t n;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? EXIT_OK : EXIT_FAILED;
}

static int run_in_background(struct mount *mount, const struct options *o)
{
	int pipe_ends[2];

	if (pipe2(pipe_ends, O_CLOEXEC)) {
		report(LOG_ERR, "pipe: %s", strerror(errno));
		return EXIT_FAILED;
	}
	pid_t pid = fork();
	if (pid < 0) {
		report(LOG_ERR, "fork: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (pid > 0) {
		close(pipe_ends[1]);
		return wait_for_mount(pipe_ends[0]);
	}
	close(pipe_ends[0]);
	if (setsid() < 0 || chdir("/")) {
		report(LOG_ERR, "going to the background: %s", strerror(errno));
		return EXIT_FAILED;
	}
	mount->ready = pipe_ends[1];
	return run(mount, o);
}

/* If the parent closed descriptors 0 to 2, a store or lock must not get their
 * numbers. */
static int open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* The session comes first: it checks the remaining options, and a typo must not
 * create a store. */
static int mount_and_serve(struct fuse_args *args, const struct options *o)
{
	struct mount mount = {.served = served, .ready = -1};

	if (!mount_options(args, o))
		mount.session = fuse_session_new(
		    args, &fs_ops, sizeof(fs_ops), &mount);
	fuse_set_log_func(NULL);
	if (!mount.session)
		return EXIT_USAGE;
	int rc = o->foreground || o->debug ? run(&mount, o)
					   : run_in_background(&mount, o);
	fuse_session_destroy(mount.session);
	store_close(mount.store);
	return rc;
}

static int start(struct fuse_args *args, struct options *o)
{
	if (o->help) {
		options_help();
		return EXIT_OK;
	}
	if (o->version) {
		puts("enrollfs " ENROLLFS_VERSION);
		return EXIT_OK;
	}
	if (!o->store || !o->mountpoint) {
		report(LOG_ERR, "%s is missing; --help says more",
		    o->store ? "MOUNTPOINT" : "STORE");
		return EXIT_USAGE;
	}
	if (options_check(o))
		return EXIT_USAGE;
	process_protect();
	process_keep_memory();
	process_explain_bus_error();
	if (resolve_paths(o))
		return EXIT_FAILED;
	return mount_and_serve(args, o);
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct options o = {.title = argv, .as_root = geteuid() == 0};
	int rc = EXIT_USAGE;

	if (open_standard_descriptors())
		return EXIT_FAILED;
	if (!options_parse(&args, &o))
		rc = start(&args, &o);
	options_free(&o);
	fuse_opt_free_args(&args);
	return rc;
}
