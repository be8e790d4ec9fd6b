/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/stale_mount.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/base/user.h"

/* The descriptor of /dev/fuse is passed as SCM_RIGHTS, unix(7), with one
 * byte. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static struct msghdr message(struct iovec *byte, union control *control)
{
	return (struct msghdr){
	    .msg_iov = byte,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(*control),
	};
}

static int send_descriptor(int socket, int fd)
{
	char text = 'm';
	struct iovec byte = {&text, 1};
	union control control = {
	    .header = {CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr msg = message(&byte, &control);

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int receive_descriptor(int socket)
{
	char text;
	struct iovec byte = {&text, 1};
	union control control = {0};
	struct msghdr msg = message(&byte, &control);
	ssize_t n;
	int fd = -1;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 1 && CMSG_FIRSTHDR(&msg) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* Waits for a byte. false: the peer has ended. */
static bool await_byte(int socket)
{
	char byte;
	ssize_t n;

	do
		n = read(socket, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* Forked from the daemon, it would be listed under the same name. */
static void rename_process(char **title, const char *mountpoint)
{
	char *end = title[0];

	prctl(PR_SET_NAME, "unmounter");
	if (!end)
		return;
	for (int i = 0; title[i]; i++)
		if (title[i] == end)
			end += strlen(end) + 1;
	size_t room = (size_t)(end - title[0]);
	memset(title[0], 0, room);
	snprintf(title[0], room, "enrollfs: unmounts %s", mountpoint);
}

/* Closes everything else, so that no file or pipe of the daemon or its parent
 * stays open in this process. */
static void close_all_but(int socket, int fd)
{
	int low = socket < fd ? socket : fd, high = socket < fd ? fd : socket;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	close_range(3, (unsigned int)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, ~0U, 0);
}

/* It ends with the daemon only: signals sent to the whole process group or
 * service are meant for the daemon. */
static void ignore_signals(void)
{
	static const int signals[] = {
	    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* Unmounts its own mount, wherever that is now, but no other mount that covers
 * it. */
static void unmount_own(
    struct fuse_session *session, const struct mount_id *mounted)
{
	struct pollfd fd = {.fd = fuse_session_fd(session)};
	bool gone = poll(&fd, 1, 0) == 1 && fd.revents & POLLERR;
	/* once it is gone, its numbers may be another mount's */
	int root = gone ? -1 : mount_open_root(mounted);

	if (root >= 0 && geteuid() != 0) {
		close(root);
		fuse_session_unmount(
		    session); /* fusermount3 checks the owner */
		return;
	}
	close(fd.fd); /* requests to the dead daemon fail at once */
	if (root >= 0)
		mount_detach(root);
}

/*
 * Mounts on the directory that was opened. It is the current directory, so that
 * mount(2), libfuse and fusermount3 resolve no path.
 */
static bool mount_here(struct fuse_session *session,
    const struct guard_target *target, struct mount_id *mounted)
{
	stale_mounts_detach(target->store);
	if (fuse_session_mount(session, "."))
		return false;
	*mounted = mount_find(target->store, target->fd);
	return true;
}

static _Noreturn void guard(int socket, struct fuse_session *session,
    const struct guard_target *target, char **title)
{
	struct mount_id mounted;
	int rc = 1;

	ignore_signals();
	rename_process(title, target->path);
	if (fchdir(target->fd) == 0 && await_byte(socket) &&
	    mount_here(session, target, &mounted)) {
		if (send_descriptor(socket, fuse_session_fd(session)) == 0) {
			close_all_but(socket, fuse_session_fd(session));
			if (geteuid() == 0)
				user_keep_mounting();
			await_byte(socket);
		}
		unmount_own(session, &mounted);
		rc = 0;
	}
	_exit(rc);
}

int guard_start(struct guard *out, struct fuse_session *session,
    const struct guard_target *target, char **title)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		int rc = -errno;
		report(LOG_ERR, "socketpair: %s", strerror(-rc));
		return rc;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		guard(ends[1], session, target, title);
	}
	close(ends[1]);
	if (pid < 0) {
		int rc = -errno;
		report(LOG_ERR, "fork: %s", strerror(-rc));
		close(ends[0]);
		return rc;
	}
	*out = (struct guard){ends[0], pid};
	return 0;
}

int guard_mount(struct guard *guard, struct fuse_session *session)
{
	char path[32];
	int fd = write(guard->socket, "m", 1) == 1
		     ? receive_descriptor(guard->socket)
		     : -1;

	if (fd < 0)
		return -1; /* libfuse has logged why */
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	return fuse_session_mount(session, path);
}

void guard_end(struct guard *guard)
{
	static const struct timespec pause = {.tv_nsec = 10000000};

	close(guard->socket);
	/* bounded, because a stopped process (SIGSTOP) would never end */
	for (int tries = 0;
	     waitpid(guard->pid, NULL, WNOHANG) == 0 && tries < 500; tries++)
		nanosleep(&pause, NULL);
}
