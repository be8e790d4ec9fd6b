/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/internal.h"

/*
 * Group commit: the writer takes every job that is waiting as one transaction, so that under load
 * many answers share one fsync. A job is on the stack of who waits for it.
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

/* Everything that waits. NULL: nothing came within a second, and the log is to be emptied; or the
 * end. */
static struct db_job *take_all(struct db *db, bool with_a_pause, bool *stopping)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&db->queue_lock);
	for (int rc = 0; !rc && !db->first && !db->stopping;)
		rc = with_a_pause ? pthread_cond_timedwait(&db->queued, &db->queue_lock, &until)
				  : pthread_cond_wait(&db->queued, &db->queue_lock);
	struct db_job *jobs = db->first;
	db->first = NULL;
	db->last = &db->first;
	db->posted = 0;
	*stopping = db->stopping;
	pthread_mutex_unlock(&db->queue_lock);
	return jobs;
}

/* Full disks and I/O errors may make SQLite roll the whole transaction back by itself. */
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
	job->rc = job->fn(conn, job->arg);
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

static int in_place(const struct db *db, struct db_conn *conn)
{
	const char *gone = db_gone(db);

	if (!gone)
		return 0;
	report(LOG_ERR,
		"store %s: %s is gone or another: nothing is changed until it is back or this is "
		"mounted again",
		db->path, gone);
	/* If the log is what is gone, the store itself has everything from here on. */
	sqlite3_wal_checkpoint_v2(conn->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return -EIO;
}

/* Looks again behind the commit: it may have gone into files that were removed meanwhile. */
static int run_all(const struct db *db, struct db_conn *conn, struct db_job *jobs)
{
	int rc = in_place(db, conn);

	if (!rc)
		rc = run_in_transaction(conn, jobs);
	return rc ? rc : in_place(db, conn);
}

/*
 * The write-ahead log. Overwritten pages are still in it, so it is emptied after a secret was
 * destroyed; and it grows as long as readers overlap, so it is emptied when it is large. A reader
 * in the way is waited for a moment, then again a second later.
 */
enum { LOG_WORTH_COPYING = 1000, LOG_LARGE = 4096, READER_MS = 50 };

static int count_frames(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
	struct db_conn *conn = arg;

	(void)sqlite;
	(void)name;
	conn->frames = frames;
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
		conn->frames = 0;
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

/* Behind it: nobody waits for what only keeps the log small. */
static void keep_log_small(struct db_conn *conn)
{
	if (conn->frames < conn->copied)
		conn->copied = 0; /* it has begun from its beginning */
	if (has_to_be_emptied(conn) || conn->frames - conn->copied < LOG_WORTH_COPYING)
		return;
	sqlite3_wal_checkpoint_v2(conn->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	conn->copied = conn->frames;
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
			sem_post(&jobs->done); /* the job is gone from here on */
		}
		jobs = next;
	}
}

static void *writer(void *arg)
{
	struct db *db = arg;
	struct db_conn *conn = db->writer;
	bool stopping = false;

	sqlite3_wal_hook(conn->sqlite, count_frames, conn);
	while (!stopping) {
		struct db_job *jobs = take_all(db, has_to_be_emptied(conn), &stopping);
		int64_t begun = clock_ticks();
		int rc = jobs ? run_all(db, conn, jobs) : 0;
		if (jobs)
			histogram_add(&db->commits, clock_ticks() - begun);
		empty_log_if_needed(conn);
		wake_all(jobs, rc);
		keep_log_small(conn);
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

int db_submit(struct db *db, db_job_fn fn, void *arg)
{
	struct db_job job = {.fn = fn, .arg = arg};

	if (db->read_only)
		return -EROFS;
	sem_init(&job.done, 0, 0);
	pthread_mutex_lock(&db->queue_lock);
	*db->last = &job;
	/* cppcheck-suppress autoVariables; the writer lets go of it before it is done */
	db->last = &job.next;
	pthread_cond_signal(&db->queued);
	pthread_mutex_unlock(&db->queue_lock);
	while (sem_wait(&job.done) && errno == EINTR)
		continue;
	sem_destroy(&job.done);
	return job.rc;
}

void db_scrub(struct db_conn *conn)
{
	conn->scrub = true;
}

const struct histogram *db_commits(const struct db *db)
{
	return &db->commits;
}

void db_set_context(struct db *db, void *context)
{
	db->context = context;
}

void *db_context(const struct db_conn *conn)
{
	return conn->db->context;
}
