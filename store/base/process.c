/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/base/report.h"

void process_protect(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 1); /* the leak detector uses ptrace(2) */
#else
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

void process_ready(void)
{
	static const char state[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = '\0'; /* an abstract address, unix(7) */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		(struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		report(LOG_WARNING, "cannot notify the service manager: %s",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
}

void process_keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/* Process 1 belongs to another user or, for root without capabilities, is
 * hidden like one. */
bool process_sees_others(void)
{
	int fd = open("/proc/1/status", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Parses a line of mountinfo, proc(5). */
static bool read_hidepid_group(const char *line, gid_t *gid)
{
	const char *options = strstr(line, " - proc ");
	const char *number = options ? strstr(options, "gid=") : NULL;

	if (!number || !strstr(options, "hidepid="))
		return false;
	*gid = (gid_t)strtoul(number + strlen("gid="), NULL, 10);
	return true;
}

bool process_hidepid_group(gid_t *gid)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	/* the last mount is the visible one */
	while (file && getline(&line, &size, file) > 0)
		if (strstr(line, " /proc "))
			found = read_hidepid_group(line, gid);
	free(line);
	if (file)
		fclose(file);
	return found;
}

int process_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

void process_give_memory_back(void)
{
	malloc_trim(0);
}

/* Calls functions that are not async-signal-safe: the fault is in SQLite's
 * access to a mapped page, never in malloc, stdio or syslog. */
static void bus_error(int number)
{
	report(LOG_ERR,
	    "a mapped file of the store could not be used (SIGBUS): its disk is full or failed, or the file was truncated. The daemon exits; every confirmed change is on disk. Free some space, check the kernel log, and mount again");
	raise(number); /* takes the default action once this returns */
}

void process_explain_bus_error(void)
{
	struct sigaction action = {
	    .sa_handler = bus_error, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGBUS, &action, NULL);
}

/* Reads a short file of the process, without its final newline; empty if it
 * cannot be read. */
static void read_file(pid_t pid, const char *file, char *out, size_t size)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n - (out[n - 1] == '\n') : 0] = '\0';
}

void process_command(pid_t pid, char *out, size_t size)
{
	read_file(pid, "comm", out, size);
}

static int64_t read_id(pid_t pid, const char *file)
{
	char text[16];

	read_file(pid, file, text, sizeof(text));
	unsigned long id = *text ? strtoul(text, NULL, 10) : UINT32_MAX;
	return id == UINT32_MAX ? -1 : (int64_t)id;
}

void process_login(pid_t pid, int64_t *loginuid, int64_t *session)
{
	*loginuid = read_id(pid, "loginuid");
	/* the kernel sets both at once */
	*session = *loginuid < 0 ? -1 : read_id(pid, "sessionid");
}
