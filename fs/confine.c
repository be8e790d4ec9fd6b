/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/base/report.h"

/* --- system calls: seccomp(2) --- */

/* clang-format off */
/* All others fail with EPERM. Names that the architecture does not have are
 * skipped. */
static const char *const calls[] = {
	/* memory; mmap and mprotect are below */
	"brk", "madvise", "mlock", "mremap", "munlock", "munmap",
	/* threads, signals, time */
	"arch_prctl", "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group",
	"futex", "get_robust_list", "getrandom", "gettid", "gettimeofday", "membarrier",
	"nanosleep", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "set_robust_list",
	"set_tid_address", "sigaltstack", "time", "times", "wait4",
	/* its identity, the system */
	"getcwd", "getegid", "geteuid", "getgid", "getpid", "getppid", "getrlimit", "getrusage",
	"getuid", "sysinfo", "uname",
	/* the store, and snapshots beside it */
	"access", "close", "faccessat", "faccessat2", "fallocate", "fchown", "fcntl",
	"fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getdents64",
	"inotify_add_watch", "inotify_init1", "link",
	"linkat", "lseek", "lstat", "memfd_create", "newfstatat", "pread64",
	"preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "rename", "renameat",
	"renameat2", "stat", "statfs", "statx", "umask", "unlink", "unlinkat", "utimensat",
	/* the kernel's side of the mount, and the log */
	"connect", "dup", "dup2", "dup3", "pipe2", "poll", "ppoll", "readv", "recvmsg", "sendmsg",
	"sendto", "shutdown", "splice", "vmsplice", "write", "writev",
/* leak detection stops the other threads as a debugger does, and reads their
 * memory; it opens files without saying a mode, which then is anything */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	"clone", "execve", "getdents", "ioctl", "kill", "open", "openat", "personality", "prctl",
	"process_vm_readv", "ptrace", "prlimit64", "setrlimit", "tgkill",
#endif
};
/* clang-format on */

static int allow(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && !rc; i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);
		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return rc;
}

#ifdef MEASURED_IN
/* A build for coverage or valgrind, which write to a directory of their own. */
enum { NO_CODE = 0 };
#else
enum { NO_CODE = PROT_EXEC };
#endif

/* Allowed with certain arguments only. */
static int allow_partly(scmp_filter_ctx filter)
{
	const struct {
		uint32_t action;
		int call;
		struct scmp_arg_cmp argument;
	} rules[] = {
	    /* memory is never made executable */
	    {SCMP_ACT_ALLOW, SCMP_SYS(mmap),
		SCMP_A2(SCMP_CMP_MASKED_EQ, NO_CODE, 0)},
	    {SCMP_ACT_ALLOW, SCMP_SYS(mprotect),
		SCMP_A2(SCMP_CMP_MASKED_EQ, NO_CODE, 0)},
	    /* threads, no processes; clone3 passes its flags in memory, which a
	     * filter cannot read, and without it the C library uses clone */
	    {SCMP_ACT_ALLOW, SCMP_SYS(clone),
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
	    /* no set-user-id files, nothing writable by others */
	    {SCMP_ACT_ALLOW, SCMP_SYS(fchmod),
		SCMP_A1(SCMP_CMP_MASKED_EQ, 07002, 0)},
	    {SCMP_ACT_ALLOW, SCMP_SYS(open),
		SCMP_A2(SCMP_CMP_MASKED_EQ, 06000, 0)},
	    {SCMP_ACT_ALLOW, SCMP_SYS(openat),
		SCMP_A3(SCMP_CMP_MASKED_EQ, 06000, 0)},
	    {SCMP_ACT_ALLOW, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0)},
	    /* its own threads */
	    {SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)},
	    /* whether the store's filesystem shares blocks between files */
	    {SCMP_ACT_ALLOW, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FICLONE, 0)},
	    /* reading a limit, not setting it */
	    {SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0)},
	};
	int rc = seccomp_rule_add(
	    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !rc; i++)
		rc = seccomp_rule_add(filter, rules[i].action, rules[i].call, 1,
		    rules[i].argument);
	return rc;
}

/* What speaking to a server, and looking up its name, takes. */
static int allow_network(scmp_filter_ctx filter)
{
	static const int family[] = {AF_INET, AF_INET6, AF_NETLINK};
	static const int call[] = {SCMP_SYS(bind), SCMP_SYS(getpeername),
	    SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(recvfrom),
	    SCMP_SYS(sendmmsg), SCMP_SYS(setsockopt)};
	int rc = 0;

	for (size_t i = 0; i < sizeof(family) / sizeof(family[0]) && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket),
		    1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family[i], 0));
	for (size_t i = 0; i < sizeof(call) / sizeof(call[0]) && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call[i], 0);
	return rc;
}

static int filter_calls(bool network)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter ? allow(filter) : -ENOMEM;

	/* a binary search instead of all rules, at every call */
	if (!rc)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!rc)
		rc = allow_partly(filter);
	if (!rc && network)
		rc = allow_network(filter);
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

/* --- files: landlock(7) --- */

enum {
	LIST = LANDLOCK_ACCESS_FS_READ_DIR,
	READ = LANDLOCK_ACCESS_FS_READ_FILE,
	CHANGE = LANDLOCK_ACCESS_FS_WRITE_FILE |
		 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG,
	/* all that the first version of Landlock knows, and loading libraries
	 * */
	EVERYTHING = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	LOAD = READ | LIST | LANDLOCK_ACCESS_FS_EXECUTE,
};

static int allow_below(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = access,
	    .parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	int rc = rule.parent_fd < 0 ? -errno : 0;

	if (!rc && syscall(SYS_landlock_add_rule, ruleset,
		       LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		rc = -errno;
	if (rule.parent_fd >= 0)
		close(rule.parent_fd);
	return rc;
}

static int allow_system(int ruleset)
{
	static const struct {
		const char *path;
		uint64_t access;
	} system[] = {
	    {"/usr", LOAD},
	    {"/lib", LOAD},
	    {"/lib64", LOAD},
	    {"/etc/ld.so.cache", READ},
	    {"/etc/localtime", READ},
	    {"/etc/ssl/openssl.cnf", READ},
	    {"/proc", READ | LIST}, /* the command of a caller */
	    {"/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE},
	    {"/dev/urandom", READ},
#ifdef MEASURED_IN
	    {MEASURED_IN, LIST | READ | CHANGE},
#endif
	};

	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++) {
		int rc = allow_below(ruleset, system[i].path, system[i].access);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

static int allow_store(int ruleset, const char *store)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", store);
	return allow_below(ruleset, dirname(copy), LIST | READ | CHANGE);
}

/* And what the C library reads to look up the server's name. */
static int allow_needed(int ruleset, const struct confine_needed *needed)
{
	static const char *const resolver[] = {"/etc/gai.conf",
	    "/etc/host.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd",
	    "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs",
	    "/run/systemd/resolve"};
	int rc = 0;

	for (size_t i = 0; i < sizeof(resolver) / sizeof(resolver[0]) && !rc;
	     i++) {
		rc = allow_below(ruleset, resolver[i], READ);
		rc = rc == -ENOENT ? 0 : rc;
	}
	for (int i = 0; i < needed->n && !rc; i++)
		rc = allow_below(ruleset, needed->file[i], READ);
	return rc;
}

/* What Linux 6.7 has, for headers that have not. */
enum { NET_ABI = 4, NET_PORT = 2, BIND_TCP = 1, CONNECT_TCP = 2 };

struct net_port {
	uint64_t allowed_access, port;
};

static int allow_ports(int ruleset, const struct confine_needed *needed)
{
	for (int i = 0; i < needed->ports; i++) {
		struct net_port rule = {CONNECT_TCP, (uint64_t)needed->port[i]};
		if (syscall(SYS_landlock_add_rule, ruleset, NET_PORT, &rule, 0))
			return -errno;
	}
	return 0;
}

/* Not available before Linux 5.13, or if it is not built in. */
static int confine_files(const char *store, const struct confine_needed *needed)
{
	struct {
		uint64_t files, net;
	} attr = {.files = EVERYTHING};
	bool ports = needed && syscall(SYS_landlock_create_ruleset, NULL, 0,
				   LANDLOCK_CREATE_RULESET_VERSION) >= NET_ABI;
	if (ports)
		attr.net = BIND_TCP | CONNECT_TCP;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    ports ? sizeof(attr) : sizeof(attr.files), 0);

	if (ruleset < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	int rc = allow_system(ruleset);
	if (!rc)
		rc = needed ? allow_needed(ruleset, needed)
			    : allow_store(ruleset, store);
	if (!rc && ports)
		rc = allow_ports(ruleset, needed);
	if (!rc && syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = -errno;
	close(ruleset);
	return rc;
}

/* One of both is NULL. */
static int give_up(const char *store, const struct confine_needed *needed)
{
	/* the C library needs it to end threads, and could not load it later */
	/* cppcheck-suppress leakReturnValNotUsed; it stays */
	dlopen("libgcc_s.so.1", RTLD_NOW);
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;

	if (!rc)
		rc = confine_files(store, needed);
	if (!rc)
		rc = filter_calls(needed != NULL);
	if (rc)
		report(LOG_ERR, "cannot give up what is not needed: %s",
		    strerror(-rc));
	return rc;
}

int confine(const char *store)
{
	return give_up(store, NULL);
}

int confine_to_server(const struct confine_needed *needed)
{
	return give_up(NULL, needed);
}
