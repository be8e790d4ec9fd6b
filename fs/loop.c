/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/loop.h"

#include <errno.h>
#include <limits.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/fair.h"
#include "store/base/clock.h"
#include "store/base/process.h"
#include "store/base/report.h"

enum {
	/* Interrupts the read of an idle worker. */
	WAKE = SIGUSR1,
	/* Idle workers that may stay: the next burst begins with them. */
	SPARE = 4,
	/* Surplus workers end if they were not needed for this long. */
	SURPLUS_SECONDS = 5,
};

struct worker {
	struct loop *loop;
	pthread_t thread;
	struct fuse_buf buf;
	bool permanent;
	atomic_bool receiving;
	atomic_bool told; /* interrupted since it began to receive */
	struct worker *next;
};

struct loop {
	struct fuse_session *session;
	struct fair *fair;
	_Atomic int64_t said; /* clock_ticks: of the last message about EBUSY */
	int threads;
	sem_t end;	  /* posted by a worker that sees the end */
	atomic_int error; /* the first -errno of a receive */
	atomic_int idle;  /* workers that wait for a request, or are about to */
	atomic_int least; /* the fewest since `least` was set */
	atomic_int leave; /* how many workers have to end */

	pthread_mutex_t lock; /* for the fields below */
	pthread_cond_t ended; /* one more is in `left` */
	int count;
	struct worker *workers;
	struct worker *left; /* to be joined */
};

/* The request that this thread works on, if it is counted. */
static _Thread_local struct {
	struct loop *loop; /* NULL: none */
	uid_t uid;
	bool changes, paused;
} present;

/* A worker whose read this interrupts looks whether it has to end, or whether
 * a request that has waited may be worked on. */
static void wake(int number)
{
	(void)number;
}

static void note_least(struct loop *loop, int idle)
{
	int least = atomic_load_explicit(&loop->least, memory_order_relaxed);

	while (idle < least &&
	       !atomic_compare_exchange_weak(&loop->least, &least, idle))
		;
}

/* Whether this worker is one of those that have to end. */
static bool leaves(struct worker *worker)
{
	struct loop *loop = worker->loop;
	int leave = atomic_load_explicit(&loop->leave, memory_order_relaxed);

	while (leave > 0 && !worker->permanent)
		if (atomic_compare_exchange_weak(
			&loop->leave, &leave, leave - 1))
			return true;
	return false;
}

static void end_session(struct loop *loop, int error)
{
	int none = 0;

	if (error)
		atomic_compare_exchange_strong(&loop->error, &none, error);
	fuse_session_exit(loop->session);
	sem_post(&loop->end);
}

static void *work(void *arg);

/* Starts a worker, unless there are enough. Returns 0 or -errno. */
static int add_worker(struct loop *loop, bool permanent)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int rc = 0;

	if (!worker)
		return -ENOMEM;
	worker->loop = loop;
	worker->permanent = permanent;
	pthread_mutex_lock(&loop->lock);
	if (loop->count < loop->threads) {
		atomic_fetch_add(&loop->idle, 1);
		rc = -pthread_create(&worker->thread, NULL, work, worker);
		if (rc)
			atomic_fetch_sub(&loop->idle, 1);
	} else {
		rc = -EAGAIN;
	}
	if (!rc) {
		worker->next = loop->workers;
		loop->workers = worker;
		loop->count++;
	}
	pthread_mutex_unlock(&loop->lock);
	if (rc)
		free(worker);
	return rc;
}

static void leave(struct worker *worker)
{
	struct loop *loop = worker->loop;

	free(worker->buf.mem);
	pthread_mutex_lock(&loop->lock);
	for (struct worker **at = &loop->workers; *at; at = &(*at)->next)
		if (*at == worker) {
			*at = worker->next;
			break;
		}
	worker->next = loop->left;
	loop->left = worker;
	loop->count--;
	pthread_cond_signal(&loop->ended);
	pthread_mutex_unlock(&loop->lock);
}

/* A worker has something to do, and this many are idle: one has to be. */
static void keep_one_idle(struct loop *loop, int idle)
{
	note_least(loop, idle);
	/* -errno: the workers that there are serve all requests */
	if (idle <= 0)
		add_worker(loop, false);
}

/* Waits for a request. Returns as fuse_session_receive_buf. */
static int receive(struct worker *worker)
{
	struct loop *loop = worker->loop;

	atomic_store(&worker->told, false);
	atomic_store(&worker->receiving, true);
	int n = fuse_session_receive_buf(loop->session, &worker->buf);
	atomic_store(&worker->receiving, false);
	int idle = atomic_fetch_sub(&loop->idle, 1) - 1;
	if (n > 0)
		keep_one_idle(loop, idle);
	return n;
}

/* Interrupts at most so many workers that wait for a request. One that is about
 * to wait misses it: call this again, to tell those `anew` that have been told
 * since they began. */
static void interrupt(struct loop *loop, int most, bool all, bool anew)
{
	pthread_mutex_lock(&loop->lock);
	for (struct worker *worker = loop->workers; worker && most > 0;
	     worker = worker->next)
		if ((all || !worker->permanent) &&
		    atomic_load(&worker->receiving) &&
		    (!atomic_exchange(&worker->told, true) || anew)) {
			pthread_kill(worker->thread, WAKE);
			most--;
		}
	pthread_mutex_unlock(&loop->lock);
}

/* --- a request --- */

/* fuse_in_header; <linux/fuse.h> has the protocol */
static struct fuse_in_header header_of(const void *data)
{
	struct fuse_in_header header;

	memcpy(&header, data, sizeof(header));
	return header;
}

/* Requests that have no answer, or cost nothing and give back what others wait
 * for. */
static bool runs_at_once(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_INIT:
	case FUSE_DESTROY:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_NOTIFY_REPLY:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return true;
	default:
		return false;
	}
}

static bool changes_something(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_SETATTR:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_WRITE:
	case FUSE_CREATE:
		return true;
	default:
		return false;
	}
}

/* Replies without libfuse, which has not seen it. */
static void refuse(struct loop *loop, const struct fuse_in_header *request)
{
	const struct fuse_out_header reply = {
	    .len = sizeof(reply), .error = -EBUSY, .unique = request->unique};
	int64_t now = clock_ticks(), said = atomic_load(&loop->said);

	if ((!said || now - said > 60 * CLOCK_SECOND) &&
	    atomic_compare_exchange_strong(&loop->said, &said, now))
		report(LOG_WARNING,
		    "uid %u: refused with EBUSY: too many requests of this user wait, or of all users",
		    request->uid);
	/* ENOENT: interrupted, nobody waits for it */
	if (write(fuse_session_fd(loop->session), &reply, sizeof(reply)) < 0)
		return;
}

/* Works on a counted request. Returns one that has waited for it. */
static struct fair_request *work_on(
    struct loop *loop, const struct fuse_buf *buf, uid_t uid, bool changes)
{
	present.loop = loop;
	present.uid = uid;
	present.changes = changes;
	present.paused = false;
	fuse_session_process_buf(loop->session, buf);
	present.loop = NULL;
	return fair_leave(loop->fair, uid, changes, present.paused);
}

/* At the end of the mount nobody waits for what has not begun. Returns the
 * next. */
static struct fair_request *refuse_waiting(
    struct loop *loop, const struct fair_request *r)
{
	const struct fuse_in_header header = header_of(r->data);

	refuse(loop, &header);
	return fair_leave(loop->fair, r->uid, r->changes, false);
}

/* Works on a request that has waited, and on those that have waited for it.
 * NULL is permitted. */
static void work_on_waiting(struct loop *loop, struct fair_request *r)
{
	while (r) {
		const struct fuse_buf buf = {.mem = r->data, .size = r->len};
		/* else the worker that receives, and with it those of other
		 * users, would wait for a CPU as long as any of these */
		sched_yield();
		struct fair_request *next = fuse_session_exited(loop->session)
						? refuse_waiting(loop, r)
						: work_on(loop, &buf, r->uid,
						      r->changes);
		fair_drop(r);
		r = next;
	}
}

/* Whoever pauses has interrupted this worker. */
static void work_on_next(struct loop *loop)
{
	struct fair_request *r = fair_next(loop->fair);

	if (r)
		keep_one_idle(loop, atomic_load(&loop->idle));
	work_on_waiting(loop, r);
}

void loop_pause(void)
{
	struct loop *loop = present.loop;

	if (!loop || present.paused)
		return;
	present.paused = true;
	if (fair_pause(loop->fair, present.uid, present.changes))
		interrupt(loop, 1, true, false);
}

static void process(struct loop *loop, const struct fuse_buf *buf)
{
	if (buf->size < sizeof(struct fuse_in_header)) {
		fuse_session_process_buf(loop->session, buf);
		return;
	}
	const struct fuse_in_header header = header_of(buf->mem);
	bool changes = changes_something(header.opcode);
	int rc = runs_at_once(header.opcode)
		     ? -ENOMEM
		     : fair_enter(loop->fair, header.uid, changes, buf->mem,
			   buf->size);

	if (rc == -ENOMEM)
		fuse_session_process_buf(loop->session, buf);
	else if (rc > 0)
		work_on_waiting(loop, work_on(loop, buf, header.uid, changes));
	else if (rc < 0)
		refuse(loop, &header);
}

static void refuse_expired(struct loop *loop)
{
	struct fair_request *r;

	while ((r = fair_expired(loop->fair, clock_ticks()))) {
		const struct fuse_in_header header = header_of(r->data);
		refuse(loop, &header);
		fair_drop(r);
	}
}

/* A request may have a provisioning key in it. */
static void answer(struct loop *loop, const struct fuse_buf *buf)
{
	process(loop, buf);
	if (!(buf->flags & FUSE_BUF_IS_FD))
		explicit_bzero(buf->mem, buf->size);
}

/* --- a worker --- */

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct loop *loop = worker->loop;

	for (;;) {
		int n = receive(worker);
		if (n > 0)
			answer(loop, &worker->buf);
		else if (n == -EINTR)
			work_on_next(loop);
		else if (n == -ENOMEM && !worker->permanent && !worker->buf.mem)
			break;
		else if (n && n != -EAGAIN && n != -ENOENT)
			end_session(loop, n == -ENODEV ? 0 : n);
		if (fuse_session_exited(loop->session)) {
			end_session(loop, 0);
			break;
		}
		if (leaves(worker))
			break;
		atomic_fetch_add(&loop->idle, 1);
	}
	leave(worker);
	return NULL;
}

/* --- the thread that waits for the end --- */

/* Joins the workers that have ended; what they had is free then. */
static bool join(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct worker *left = loop->left;
	loop->left = NULL;
	pthread_mutex_unlock(&loop->lock);

	bool any = left;
	while (left) {
		struct worker *next = left->next;
		pthread_join(left->thread, NULL);
		free(left);
		left = next;
	}
	return any;
}

/* How many workers were not needed since the last call. */
static int surplus(struct loop *loop)
{
	int least = atomic_exchange(&loop->least, INT_MAX);
	int idle = atomic_load(&loop->idle);
	int unneeded = (least < idle ? least : idle) - SPARE;

	return unneeded > 0 ? unneeded : 0;
}

static void wait_for_end(struct loop *loop)
{
	struct timespec until = clock_at(clock_ticks() + CLOCK_SECOND);

	/* EINTR: a signal that ends the session */
	sem_clockwait(&loop->end, CLOCK_MONOTONIC, &until);
}

static void serve(struct loop *loop)
{
	for (int second = 1; !fuse_session_exited(loop->session); second++) {
		wait_for_end(loop);
		refuse_expired(loop);
		if (second % SURPLUS_SECONDS == 0)
			atomic_store(&loop->leave, surplus(loop));
		interrupt(loop, atomic_load(&loop->leave), false, true);
		bool joined = join(loop), tidied = draft_tidy();
		if (joined || tidied)
			process_give_memory_back();
	}
}

/* Those that work on a request answer it first. */
static void end_workers(struct loop *loop)
{
	enum { PAUSE = 10000000 }; /* ns */

	pthread_mutex_lock(&loop->lock);
	while (loop->count > 0) {
		pthread_mutex_unlock(&loop->lock);
		interrupt(loop, loop->threads, true, true);
		pthread_mutex_lock(&loop->lock);
		if (loop->count > 0) {
			struct timespec until = clock_at(clock_ticks() + PAUSE);
			pthread_cond_timedwait(
			    &loop->ended, &loop->lock, &until);
		}
	}
	pthread_mutex_unlock(&loop->lock);
	join(loop);
}

/* Signals that end the session go to the thread that waits for its end. */
static void worker_signals(sigset_t *before)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, before);
	mask = *before;
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGQUIT);
	sigdelset(&mask, WAKE);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* Starts the first worker; others inherit its signal mask. */
static int start(struct loop *loop)
{
	/* without SA_RESTART */
	const struct sigaction action = {.sa_handler = wake};
	sigset_t before;

	sigaction(WAKE, &action, NULL);
	worker_signals(&before);
	int rc = add_worker(loop, true);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void init(struct loop *loop)
{
	sem_init(&loop->end, 0, 0);
	pthread_mutex_init(&loop->lock, NULL);
	clock_condition(&loop->ended);
}

/* Those that this process may use. */
static int count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

int loop_run(struct fuse_session *session, int threads, uid_t owner)
{
	struct loop loop = {
	    .session = session,
	    /* one more receives */
	    .fair = fair_new(threads - 1, count_cpus(), owner),
	    .threads = threads,
	    .least = INT_MAX,
	};

	if (!loop.fair)
		return -ENOMEM;
	init(&loop);
	int rc = start(&loop);
	if (!rc) {
		serve(&loop);
		end_workers(&loop);
		rc = loop.error;
	}
	sem_destroy(&loop.end);
	pthread_cond_destroy(&loop.ended);
	pthread_mutex_destroy(&loop.lock);
	fair_free(loop.fair);
	return rc;
}
