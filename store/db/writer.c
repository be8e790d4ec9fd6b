/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/internal.h"

/*
 * Group commit: the writer takes every job that is waiting as one transaction,
 * so that under load many answers share one fsync. A job is on the stack of who
 * waits for it.
 */
struct db_job {
	db_job_fn fn;
	void *arg;
	int rc;
	bool posted; /* nobody waits: it and its argument are freed here */
	sem_t done;
	struct db_job *next;
};

/* No more of those that nobody waits for. */
enum { POSTED_MAX = 1024 };

/*
 * Threads that wait here serve no reader. While jobs get done all may wait;
 * when the present ones take longer than a moment (a frozen or failing disk)
 * those behind QUEUE are refused, and when another program's lock was in the
 * way of the last ones, those behind PROBES.
 */
enum { QUEUE = 48, PROBES = 4, MOMENT_MS = 1000 };

static struct timespec later(int ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000L;
	}
	return at;
}

/* Everything that waits. NULL: nothing came within `pause` ms (0: as long as it
 * takes), and there is something to do for the log; or the end. */
static struct db_job *take_all(struct db *db, int pause, bool *stopping)
{
	struct timespec until = later(pause);

	pthread_mutex_lock(&db->queue_lock);
	for (int rc = 0; !rc && !db->first && !db->stopping;)
		rc = pause ? pthread_cond_timedwait(
				 &db->queued, &db->queue_lock, &until)
			   : pthread_cond_wait(&db->queued, &db->queue_lock);
	struct db_job *jobs = db->first;
	db->first = NULL;
	db->last = &db->first;
	db->posted = 0;
	db->begun = jobs ? clock_ticks() : 0;
	*stopping = db->stopping;
	pthread_mutex_unlock(&db->queue_lock);
	return jobs;
}

/* Full disks and I/O errors may make SQLite roll the whole transaction back by
 * itself. */
static bool in_transaction(const struct db_conn *conn)
{
	return !sqlite3_get_autocommit(conn->sqlite);
}

/* 0 if the transaction goes on, whatever became of the job. */
static int run_job(struct db_conn *conn, struct db_job *job)
{
	int rc = db_run(conn, DB_SAVEPOINT, NULL);

	if (rc < 0)
		return rc;
	if (conn->db->hooks)
		conn->db->hooks->begin(conn);
	job->rc = job->fn(conn, job->arg);
	if (conn->db->hooks)
		job->rc = conn->db->hooks->end(conn, job->rc);
	if (!in_transaction(conn))
		return job->rc < 0 ? job->rc : -EIO;
	if (job->rc < 0)
		rc = db_run(conn, DB_ROLLBACK_TO, NULL);
	if (rc >= 0)
		rc = db_run(conn, DB_RELEASE, NULL);
	return rc < 0 ? rc : 0;
}

static int run_in_transaction(struct db_conn *conn, struct db_job *jobs)
{
	int rc = db_run(conn, DB_BEGIN, NULL);

	for (struct db_job *job = jobs; job && rc >= 0; job = job->next)
		rc = run_job(conn, job);
	if (rc >= 0)
		rc = db_run(conn, DB_COMMIT, NULL);
	if (rc < 0 && in_transaction(conn))
		db_run(conn, DB_ROLLBACK, NULL);
	return rc < 0 ? rc : 0;
}

static int say_gone(struct db *db, const char *gone)
{
	report(LOG_ERR,
	    "store %s: %s is gone or another: nothing is changed until it is back or this is mounted again",
	    db->path, gone);
	/* If the log is what is gone, the store itself has everything from here
	 * on, and says so. */
	if (db->marked)
		db_mark_closed(db);
	return -EIO;
}

static int in_place(struct db *db)
{
	const char *gone = db_gone(db);

	if (gone)
		return say_gone(db, gone);
	return db->marked ? 0 : db_mark_open(db);
}

/*
 * Who reads first behind a commit notes in the log's index how far that goes.
 * If that were a reader, a disk that has been frozen meanwhile would keep it:
 * the index is a file, mapped, and its page has to be written.
 */
static int stop_at_first(const struct db_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 1;
}

static void read_first(struct db_conn *conn)
{
	db_each(conn, DB_SETTING_GET, DB_ARGS(DB_TEXT("mounted")),
	    stop_at_first, NULL);
}

/* Looks again behind the commit: it may have gone into files that were removed
 * meanwhile. */
static int run_all(struct db *db, struct db_conn *conn, struct db_job *jobs)
{
	int rc = in_place(db);

	if (!rc)
		rc = run_in_transaction(conn, jobs);
	if (rc && db->hooks)
		db->hooks->lost(db->context);
	if (!rc)
		read_first(conn);
	return rc ? rc : in_place(db);
}

/*
 * The write-ahead log. Overwritten pages are still in it, so it is emptied
 * after a secret was destroyed; and it grows as long as readers overlap, so it
 * is emptied when it is large. A reader in the way is waited for a moment, then
 * again a second later. It is copied when it is long, and when nothing has come
 * for a while, so that the main file is rarely behind; what a reader or a full
 * disk keeps from being copied is tried again ever more rarely.
 */
enum {
	LOG_WORTH_COPYING = 1000,
	LOG_LARGE = 4096,
	READER_MS = 50,
	IDLE_MS = 100,
	RARE_MS = 60000
};

static int count_frames(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
	struct db_conn *conn = arg;

	(void)sqlite;
	(void)name;
	conn->frames = frames;
	conn->pause = IDLE_MS;
	return SQLITE_OK;
}

static bool has_to_be_emptied(const struct db_conn *conn)
{
	return conn->scrub || conn->frames >= LOG_LARGE;
}

static void empty_log(struct db_conn *conn)
{
	if (clock_ticks() < conn->retry)
		return;
	sqlite3_busy_timeout(conn->sqlite, READER_MS);
	int code = sqlite3_wal_checkpoint_v2(
	    conn->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(conn->sqlite, DB_BUSY_MS);
	if (code == SQLITE_OK) {
		conn->scrub = false;
		conn->frames = conn->copied = 0;
		return;
	}
	if (code != SQLITE_BUSY)
		db_error(conn->sqlite, code, "emptying the log");
	conn->retry = clock_ticks() + CLOCK_SECOND;
}

/* Before the answer: what was destroyed is gone. */
static void empty_log_if_needed(struct db_conn *conn)
{
	if (has_to_be_emptied(conn))
		empty_log(conn);
}

/* A log that has begun from its beginning has nothing copied. */
static int not_copied(const struct db_conn *conn)
{
	return conn->frames - (conn->copied <= conn->frames ? conn->copied : 0);
}

static void copy_log(struct db_conn *conn)
{
	int frames = 0, copied = 0;
	int code = sqlite3_wal_checkpoint_v2(
	    conn->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);

	if (code == SQLITE_OK) {
		conn->frames = frames;
		conn->copied = copied;
	} else if (code != SQLITE_BUSY && !db_is_full(conn->sqlite, code) &&
		   conn->pause == IDLE_MS) {
		db_error(conn->sqlite, code, "copying the log");
	}
	conn->pause = conn->pause < RARE_MS / 2 ? conn->pause * 2 : RARE_MS;
}

/* Behind it: nobody waits for what only keeps the log small, or the main file
 * up to date. */
static void keep_log(struct db_conn *conn, bool idle)
{
	if (has_to_be_emptied(conn))
		return;
	if (not_copied(conn) >= (idle ? 1 : LOG_WORTH_COPYING))
		copy_log(conn);
}

/* For take_all. */
static int pause_of(const struct db_conn *conn)
{
	if (has_to_be_emptied(conn))
		return 1000;
	return not_copied(conn) ? conn->pause : 0;
}

static void wake_all(struct db_job *jobs, int rc)
{
	while (jobs) {
		struct db_job *next = jobs->next;
		if (rc)
			jobs->rc = rc;
		if (jobs->posted) {
			free(jobs->arg);
			free(jobs);
		} else {
			sem_post(
			    &jobs->done); /* the job is gone from here on */
		}
		jobs = next;
	}
}

/* Before they are woken: there is room for as many others. */
static void make_room(struct db *db, const struct db_job *jobs, bool locked)
{
	pthread_mutex_lock(&db->queue_lock);
	if (jobs)
		db->locked = locked;
	for (; jobs; jobs = jobs->next)
		db->waiting -= !jobs->posted;
	db->begun = 0;
	pthread_cond_broadcast(&db->room);
	pthread_mutex_unlock(&db->queue_lock);
}

static void *writer(void *arg)
{
	struct db *db = arg;
	struct db_conn *conn = db->writer;
	bool stopping = false;

	sqlite3_wal_hook(conn->sqlite, count_frames, conn);
	while (!stopping) {
		struct db_job *jobs = take_all(db, pause_of(conn), &stopping);
		int rc = jobs ? run_all(db, conn, jobs) : 0;
		if (jobs)
			histogram_add(&db->commits, clock_ticks() - db->begun);
		empty_log_if_needed(conn);
		make_room(db, jobs, rc == -EBUSY);
		wake_all(jobs, rc);
		keep_log(conn, !jobs);
	}
	return NULL;
}

int db_writer_start(struct db *db)
{
	sigset_t all, before;

	/* Signals are for the thread that serves the mount. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&db->thread, NULL, writer, db);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	db->running = !rc;
	return -rc;
}

void db_writer_stop(struct db *db)
{
	pthread_mutex_lock(&db->queue_lock);
	db->stopping = true;
	pthread_cond_signal(&db->queued);
	pthread_mutex_unlock(&db->queue_lock);
	pthread_join(db->thread, NULL);
	db->running = false;
}

void db_post(struct db *db, db_job_fn fn, void *arg)
{
	struct db_job *job = db->read_only ? NULL : calloc(1, sizeof(*job));

	if (!job) {
		free(arg);
		return;
	}
	*job = (struct db_job){.fn = fn, .arg = arg, .posted = true};
	pthread_mutex_lock(&db->queue_lock);
	bool room = db->posted < POSTED_MAX;
	if (room) {
		db->posted++;
		*db->last = job;
		db->last = &job->next;
		pthread_cond_signal(&db->queued);
	}
	pthread_mutex_unlock(&db->queue_lock);
	if (!room) {
		free(arg);
		free(job);
	}
}

/* With queue_lock held: whether one more thread may wait, at last. */
static bool wait_for_room(struct db *db)
{
	struct timespec until = later(MOMENT_MS);
	int rc = 0;

	while (!rc && !db->locked && db->begun && db->waiting >= QUEUE)
		rc = pthread_cond_timedwait(&db->room, &db->queue_lock, &until);
	return db->waiting < (db->locked ? PROBES : rc ? QUEUE : INT_MAX);
}

static bool enqueue(struct db *db, struct db_job *job)
{
	pthread_mutex_lock(&db->queue_lock);
	bool room = wait_for_room(db);
	if (room) {
		db->waiting++;
		*db->last = job;
		db->last = &job->next;
		pthread_cond_signal(&db->queued);
	}
	pthread_mutex_unlock(&db->queue_lock);
	return room;
}

int db_submit(struct db *db, db_job_fn fn, void *arg)
{
	struct db_job job = {.fn = fn, .arg = arg};

	if (db->read_only)
		return -EROFS;
	sem_init(&job.done, 0, 0);
	bool room = enqueue(db, &job);
	while (room && sem_wait(&job.done) && errno == EINTR)
		continue;
	sem_destroy(&job.done);
	return room ? job.rc : -EBUSY;
}

void db_scrub(struct db_conn *conn)
{
	conn->scrub = true;
}

const struct histogram *db_commits(const struct db *db)
{
	return &db->commits;
}

void db_set_context(struct db *db, void *context, const struct db_hooks *hooks)
{
	db->context = context;
	db->hooks = hooks;
}

void *db_context(const struct db_conn *conn)
{
	return conn->db->context;
}
