/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/confine.h"
#include "tests/unit/temp.h"
#include "tests/unit/unit.h"

/* Each try answers 0 or the errno; in a process of its own, since there is no
 * way back. */

static int outcome(bool done)
{
	return done ? 0 : errno;
}

static int speak_to_network(const char *folder)
{
	(void)folder;
	return outcome(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int speak_to_log(const char *folder)
{
	(void)folder;
	return outcome(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0);
}

static int mount_something(const char *folder)
{
	return outcome(mount("none", folder, "tmpfs", 0, NULL) == 0);
}

static int become_root(const char *folder)
{
	(void)folder;
	return outcome(setuid(0) == 0);
}

/* valgrind does */
#ifdef MEASURED_IN
enum { EXECUTABLE = 0 };
#else
enum { EXECUTABLE = EPERM };
#endif

static int make_executable(const char *folder)
{
	(void)folder;
	return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int read_elsewhere(const char *folder)
{
	(void)folder;
	return outcome(open("/etc/passwd", O_RDONLY) >= 0);
}

static int write_elsewhere(const char *folder)
{
	(void)folder;
	return outcome(open("/tmp/confined", O_WRONLY | O_CREAT, 0600) >= 0);
}

static int write_beside(const char *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/beside", folder);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	return outcome(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 &&
		       unlink(path) == 0);
}

/* Whether files share blocks is asked with a clone of nothing; nothing else is
 * asked of devices. */
static int ask_for_clones(const char *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/beside", folder);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	return outcome(
	    fd >= 0 && (ioctl(fd, FICLONE, fd) == 0 || errno != EPERM));
}

static int read_command(const char *folder)
{
	(void)folder;
	return outcome(open("/proc/1/comm", O_RDONLY) >= 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static int begin_thread(const char *folder)
{
	pthread_t thread;

	(void)folder;
	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno ? errno
		     : pthread_cancel(thread) + pthread_join(thread, NULL);
}

/* What the child answers; -1 if it died. */
static int confined(int (*try)(const char *folder), const char *folder)
{
	char store[96];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(store, sizeof(store), "%s/store", folder);
		_exit(confine(store) ? 200 : try(folder));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void what_is_not_needed_is_refused(void **state)
{
	const char *folder = temp_folder;

	(void)state;
	assert_int_equal(confined(speak_to_network, folder), EPERM);
	assert_int_equal(confined(mount_something, folder), EPERM);
	assert_int_equal(confined(become_root, folder), EPERM);
	assert_int_equal(confined(make_executable, folder), EXECUTABLE);
}

/* Leak detection needs these: a sanitizer's build has them. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int begin_program(const char *folder)
{
	(void)folder;
	return outcome(execl("/bin/true", "true", NULL) == 0);
}

static int control_device(const char *folder)
{
	int waiting;

	(void)folder;
	return outcome(ioctl(0, FIONREAD, &waiting) == 0);
}

static int begin_process(const char *folder)
{
	(void)folder;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return outcome(pid > 0);
}

static int trace(const char *folder)
{
	(void)folder;
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static int signal_parent(const char *folder)
{
	(void)folder;
	return outcome(kill(getppid(), 0) == 0);
}

static int be_dumpable(const char *folder)
{
	(void)folder;
	return outcome(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static void what_a_debugger_needs_is_refused(void **state)
{
	const char *folder = temp_folder;

	(void)state;
	assert_int_equal(confined(signal_parent, folder), EPERM);
	assert_int_equal(confined(begin_program, folder), EPERM);
	assert_int_equal(confined(control_device, folder), EPERM);
	assert_int_equal(confined(begin_process, folder), EPERM);
	assert_int_equal(confined(trace, folder), EPERM);
	assert_int_equal(confined(be_dumpable, folder), EPERM);
}
#endif

static void files_elsewhere_are_refused(void **state)
{
	(void)state;
	assert_int_equal(confined(read_elsewhere, temp_folder), EACCES);
	assert_int_equal(confined(write_elsewhere, temp_folder), EACCES);
}

static void what_serving_needs_is_there(void **state)
{
	(void)state;
	assert_int_equal(confined(write_beside, temp_folder), 0);
	assert_int_equal(confined(read_command, temp_folder), 0);
	assert_int_equal(confined(ask_for_clones, temp_folder), 0);
	assert_int_equal(confined(begin_thread, temp_folder), 0);
	assert_int_equal(confined(speak_to_log, temp_folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_needed_is_refused),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(what_a_debugger_needs_is_refused),
#endif
		cmocka_unit_test(files_elsewhere_are_refused),
		cmocka_unit_test(what_serving_needs_is_there),
	};
	return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
