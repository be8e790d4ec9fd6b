/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>

#include "store/db/internal.h"

/*
 * Group commit: the writer takes every job that is waiting as one transaction, so that under load
 * many answers share one fsync. A job is on the stack of who waits for it.
 */
struct db_job {
	db_job_fn fn;
	void *arg;
	int rc;
	sem_t done;
	struct db_job *next;
};

static struct db_job *take_all(struct db *db)
{
	pthread_mutex_lock(&db->queue_lock);
	while (!db->first && !db->stopping)
		pthread_cond_wait(&db->queued, &db->queue_lock);
	struct db_job *jobs = db->first;
	db->first = NULL;
	db->last = &db->first;
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

static int run_all(struct db_conn *conn, struct db_job *jobs)
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

/* Overwritten pages are still in the log; a reader in the way leaves the rest to the next commit.
 */
static void scrub(struct db_conn *conn)
{
	int busy = 0, frames = 0;

	if (sqlite3_wal_checkpoint_v2(
		    conn->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, &busy, &frames) == SQLITE_OK)
		conn->scrub = false;
}

static void *writer(void *arg)
{
	struct db *db = arg;
	struct db_job *jobs;

	while ((jobs = take_all(db))) {
		int rc = run_all(db->writer, jobs);
		if (!rc && db->writer->scrub)
			scrub(db->writer);
		while (jobs) {
			struct db_job *next = jobs->next;
			if (rc)
				jobs->rc = rc;
			sem_post(&jobs->done); /* the job is gone from here on */
			jobs = next;
		}
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

int db_submit(struct db *db, db_job_fn fn, void *arg)
{
	struct db_job job = {.fn = fn, .arg = arg};

	if (db->read_only)
		return -EROFS;
	sem_init(&job.done, 0, 0);
	pthread_mutex_lock(&db->queue_lock);
	*db->last = &job;
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
