/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rekey.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/base/report.h"
#include "store/base/user.h"
#include "store/store.h"
#include "store/tools/tool.h"

/* rekey.enrollfs: gives a store that is not mounted another master key. */

enum { DONE = 0, FAILED = 1, USAGE = 2 };

/* Seconds for a statement that changes everything, on a server. */
enum { TIMEOUT = 3600 };

static const char usage[] =
    "usage: rekey.enrollfs [--master-key FILE] STORE NEWKEY\n"
    "\n"
    "Gives a store that is not mounted another master key: encrypts every secret again, and then\n"
    "puts the new key in the place of the present one. NEWKEY stays; it is made if it does not\n"
    "exist. Run it again if it was interrupted.\n"
    "\n"
    "    --master-key FILE   the key that encrypts its secrets (default: STORE.key; for a store on a\n"
    "                        server there is none)\n"
    "    -h, --help          print this text\n"
    "    -V, --version       print the version\n"
    "\n"
    "Exit status: 0 done, 1 not done, 2 usage.\n";

static int give_key(struct rekey *rekey)
{
	int rc = rekey_stage(rekey);

	if (!rc)
		rc = rekey_store(rekey);
	if (!rc)
		rc = rekey_finish(rekey);
	if (rc)
		rekey_unstage(rekey);
	return rc;
}

/* In a process of its own, which ends with this one. */
static int as_owner(struct rekey *rekey, const struct user *owner,
    int (*fn)(struct rekey *rekey))
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0) {
		bool ready = !user_become(owner) &&
			     !prctl(PR_SET_PDEATHSIG, SIGKILL) &&
			     getppid() == parent;
		_exit(ready && !fn(rekey) ? DONE : FAILED);
	}
	return child > 0 && waitpid(child, &status, 0) == child &&
		       WIFEXITED(status) && WEXITSTATUS(status) == DONE
		   ? 0
		   : -1;
}

/* Root changes only keys in its own directories, and no store: the daemon could
 * not use one that root writes. */
static int give_key_as_root(struct rekey *rekey, const struct user *owner)
{
	if (!rekey_needs_root(rekey))
		return as_owner(rekey, owner, give_key);
	int rc = rekey_stage(rekey);
	if (!rc)
		rc = as_owner(rekey, owner, rekey_store);
	return rc ? rc : rekey_finish(rekey);
}

static int run(const struct tool_arguments *o)
{
	struct store_options options = {.path = o->store,
	    .master_key = o->master_key,
	    .timeout = TIMEOUT,
	    .uid = getuid(),
	    .gid = getgid()};
	bool root = geteuid() == 0;
	struct rekey *rekey = NULL;
	struct user owner;

	if ((root && tool_find_owner(o->store, &owner)) ||
	    rekey_begin(&options, o->file, &rekey))
		return FAILED;
	int rc = root ? give_key_as_root(rekey, &owner) : give_key(rekey);
	rekey_free(rekey);
	return rc ? FAILED : DONE;
}

int main(int argc, char **argv)
{
	static const struct tool tool = {
	    .name = "rekey.enrollfs",
	    .usage = usage,
	    .ignored = "",
	    .file = "NEWKEY",
	    .failed = FAILED,
	    .bad_usage = USAGE,
	    .run = run,
	};

	return tool_main(&tool, argc, argv);
}
