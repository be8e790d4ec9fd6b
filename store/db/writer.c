/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/db/engine.h"

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
 * takes), and there is something to tidy; or the end. */
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

/* 0 if the transaction goes on, whatever became of the job. */
static int run_job(struct db *db, struct db_job *job)
{
	int rc = db->engine->mark(db);

	if (rc)
		return rc;
	if (db->hooks)
		db->hooks->begin(db->writer);
	job->rc = job->fn(db->writer, job->arg);
	if (db->hooks)
		job->rc = db->hooks->end(db->writer, job->rc);
	if (!db->engine->running(db))
		return job->rc < 0 ? job->rc : -EIO;
	if (job->rc < 0)
		rc = db->engine->undo(db);
	return rc ? rc : db->engine->unmark(db);
}

static int run_all(struct db *db, struct db_job *jobs)
{
	int rc = db->engine->begin(db);

	for (struct db_job *job = jobs; job && !rc; job = job->next)
		rc = run_job(db, job);
	if (!rc)
		rc = db->engine->commit(db);
	if (rc && db->engine->running(db))
		db->engine->rollback(db);
	if (rc && db->hooks)
		db->hooks->lost(db->context);
	return rc;
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
	const struct db_engine *engine = db->engine;
	bool stopping = false;

	while (!stopping) {
		struct db_job *jobs = take_all(db, engine->pause(db), &stopping);
		int rc = jobs ? run_all(db, jobs) : 0;
		if (jobs)
			histogram_add(&db->commits, clock_ticks() - db->begun);
		engine->settle(db);
		make_room(db, jobs, rc == -EBUSY);
		wake_all(jobs, rc);
		engine->tidy(db, !jobs);
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
