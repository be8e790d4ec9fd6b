/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>

#include "store/base/clock.h"
#include "store/base/process.h"
#include "store/base/report.h"
#include "store/db/cache.h"
#include "store/db/engine.h"

/*
 * Group commit: whoever has the turn takes every job that is waiting as one
 * transaction, so that under load many answers share one fsync. If nothing goes
 * on, a thread that submits a job takes the turn itself: that saves waking two
 * threads. What has come meanwhile, what nobody waits for and what the engine
 * does behind the answers is left to the writer's thread. A task is a job that
 * waits; it is on the stack of who waits for it.
 */
struct db_task {
	const struct db_job *job;
	void *arg;
	int rc;
	bool posted; /* nobody waits: it and its argument are freed here */
	sem_t done;
	struct db_task *next;
};

/* No more of those that nobody waits for. */
enum { POSTED_MAX = 1024 };

/*
 * Threads that wait here serve no reader. While jobs get done all may wait;
 * when the present turn takes longer than a moment (a frozen or failing disk)
 * those behind QUEUE are refused, and when another program's lock was in the
 * way of the last jobs, those behind PROBES.
 */
enum { QUEUE = 48, PROBES = 4 };

/* With queue_lock held: takes the turn, and everything that waits. */
static struct db_task *take_all(struct db *db)
{
	struct db_task *tasks = db->first;

	db->first = NULL;
	db->last = &db->first;
	db->posted = 0;
	db->begun = clock_ticks();
	return tasks;
}

/* With queue_lock held: gives the turn back. */
static void end_turn(struct db *db)
{
	db->begun = 0;
	db->pause = db->engine->pause(db);
	db->ended = clock_ticks();
}

/* With queue_lock held: the ticks when the engine wants to tidy. */
static int64_t tidy_at(const struct db *db)
{
	return db->pause ? db->ended + db->pause * (CLOCK_SECOND / 1000)
			 : INT64_MAX;
}

/* With queue_lock held, in the writer's thread: sleeps until it is signalled,
 * or the engine wants to tidy. */
static void sleep_until_tidy(struct db *db)
{
	int64_t at = db->begun ? INT64_MAX : tidy_at(db);

	db->wakes = at;
	if (at == INT64_MAX) {
		pthread_cond_wait(&db->queued, &db->queue_lock);
	} else {
		struct timespec until = clock_at(at);
		pthread_cond_timedwait(&db->queued, &db->queue_lock, &until);
	}
	db->wakes = 0;
}

/* With queue_lock held, in the writer's thread: waits until there is something
 * to do, and nobody is doing it. */
static void wait_for_turn(struct db *db)
{
	int64_t now = clock_ticks();

	while (db->begun || (!db->first && !db->stopping && now < tidy_at(db))) {
		sleep_until_tidy(db);
		now = clock_ticks();
	}
}

static int take_steps(
    struct db *db, struct db_batch *batch, const struct db_task *task)
{
	const struct db_job *job = task->job;
	int rc = job->claim ? job->claim(db->writer, batch, task->arg) : 0;

	return rc < 0 ? rc : job->record(db->writer, batch, task->arg);
}

/* Returns 0 if the transaction goes on, whatever became of the job; -ECANCELED:
 * it is void. */
static int run_task(struct db *db, struct db_batch *batch, struct db_task *task)
{
	struct db_batch before = *batch;

	db->changed = false;
	if (db->hooks)
		db->hooks->begin(db->writer);
	task->rc = take_steps(db, batch, task);
	if (db->hooks)
		task->rc = db->hooks->end(db->writer, batch, task->rc);
	if (!db->engine->running(db) && task->rc >= 0)
		task->rc = -EIO;
	if (task->rc >= 0)
		return 0;
	*batch = before;
	if (task->rc == -ERESTART)
		return -ERESTART;
	return db->changed || !db->engine->running(db) ? -ECANCELED : 0;
}

void db_others_wrote(struct db *db, bool edits)
{
	db_cache_forget_all(db->cache, edits);
	if (db->hooks)
		db->hooks->others(db->context, edits);
}

static int commit(struct db *db)
{
	db_cache_hold(db->cache);
	int rc = db->engine->commit(db);
	db_cache_release(db->cache);
	return rc;
}

/* Returns -ECANCELED as run_batch: whose statement it was is only known of a
 * job that is alone. */
static int complete(
    struct db *db, struct db_task *first, const struct db_task *end)
{
	int rc = db->engine->complete ? db->engine->complete(db) : 0;

	if (!rc || rc == -ERESTART)
		return rc;
	if (first->next == end)
		first->rc = rc;
	return -ECANCELED;
}

static int try_batch(
    struct db *db, struct db_task *first, const struct db_task *end)
{
	struct db_batch batch = {0};
	int rc = db->engine->begin(db, &batch);

	db_cache_begin(db->cache);
	for (struct db_task *task = first; task != end && !rc; task = task->next)
		rc = run_task(db, &batch, task);
	if (!rc)
		rc = complete(db, first, end);
	if (!rc)
		rc = commit(db);
	if (rc)
		db->engine->rollback(db);
	if (rc && db->hooks)
		db->hooks->lost(db->context);
	return rc;
}

/*
 * Runs tasks as one transaction, again until then (ticks). Returns 0: they have
 * their answers; -ECANCELED: all of it is void, as one of them failed behind a
 * change; or -errno: nothing can be stored.
 */
static int run_batch(struct db *db, struct db_task *first,
    const struct db_task *end, int64_t until)
{
	static const struct timespec pause = {.tv_nsec = 100000000};

	db->once = false;
	int rc = try_batch(db, first, end);

	while (rc == -ERESTART && !db->once && clock_ticks() < until) {
		nanosleep(&pause, NULL);
		rc = try_batch(db, first, end);
	}
	return rc == -ERESTART ? -EIO : rc;
}

/* Whether a task that was alone may follow: the engine has time left. */
static int check_time(const struct db *db)
{
	return db->deadline && clock_ticks() >= db->deadline ? -EBUSY : 0;
}

/* Gives each task its answer. Returns why nothing could be stored. All of them
 * together have the time of one, whatever the engine waits for. */
static int run_all(struct db *db, struct db_task *tasks)
{
	int64_t again = db->again_ms * (CLOCK_SECOND / 1000),
		until = clock_ticks() + again;

	db->deadline = again ? until + again : 0;
	int rc = run_batch(db, tasks, NULL, until);
	bool singly = rc == -ECANCELED && tasks->next;

	if (rc == -ECANCELED)
		rc = 0;
	for (struct db_task *task = tasks; task; task = task->next) {
		if (singly && !rc)
			rc = check_time(db);
		int lost = singly && !rc
			       ? run_batch(db, task, task->next, until)
			       : 0;
		if (lost != -ECANCELED && !rc)
			rc = lost;
		if (rc)
			task->rc = rc;
	}
	db->deadline = 0;
	return rc;
}

static void wake_all(struct db_task *tasks)
{
	while (tasks) {
		struct db_task *next = tasks->next;
		if (tasks->posted) {
			free(tasks->arg);
			free(tasks);
		} else {
			sem_post(&tasks->done); /* it is gone from here on */
		}
		tasks = next;
	}
}

/* Before they are woken: there is room for as many others. */
static void make_room(struct db *db, const struct db_task *tasks, bool locked)
{
	pthread_mutex_lock(&db->queue_lock);
	if (tasks)
		db->locked = locked;
	for (; tasks; tasks = tasks->next)
		db->waiting -= !tasks->posted;
	pthread_cond_broadcast(&db->room);
	pthread_mutex_unlock(&db->queue_lock);
}

/* Runs what was taken with the turn, and answers it. */
static void run_turn(struct db *db, struct db_task *tasks)
{
	int rc = tasks ? run_all(db, tasks) : 0;

	if (tasks)
		histogram_add(&db->commits, clock_ticks() - db->begun);
	db->engine->settle(db);
	make_room(db, tasks, rc == -EBUSY);
	wake_all(tasks);
}

static void *writer(void *arg)
{
	struct db *db = arg;
	bool stopping = false;

	pthread_mutex_lock(&db->queue_lock);
	while (!stopping) {
		wait_for_turn(db);
		stopping = db->stopping;
		struct db_task *tasks = take_all(db);
		pthread_mutex_unlock(&db->queue_lock);
		run_turn(db, tasks);
		db->engine->tidy(db, !tasks);
		pthread_mutex_lock(&db->queue_lock);
		end_turn(db);
	}
	pthread_mutex_unlock(&db->queue_lock);
	return NULL;
}

/* A turn of a thread that has submitted a job. The writer's thread is woken if
 * something is left to it, or if it would wake too late to tidy. */
static void lead(struct db *db, struct db_task *tasks)
{
	run_turn(db, tasks);
	pthread_mutex_lock(&db->queue_lock);
	end_turn(db);
	if (db->first || db->stopping || tidy_at(db) < db->wakes)
		pthread_cond_signal(&db->queued);
	pthread_mutex_unlock(&db->queue_lock);
}

int db_writer_start(struct db *db)
{
	end_turn(db); /* opening was one */
	int rc = process_start_thread(&db->thread, writer, db);
	db->running = !rc;
	return rc;
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

static void append(struct db *db, struct db_task *task)
{
	*db->last = task;
	db->last = &task->next;
}

void db_post(struct db *db, const struct db_job *job, void *arg)
{
	struct db_task *task = db->read_only ? NULL : calloc(1, sizeof(*task));

	if (!task) {
		free(arg);
		return;
	}
	*task = (struct db_task){.job = job, .arg = arg, .posted = true};
	pthread_mutex_lock(&db->queue_lock);
	bool room = db->posted < POSTED_MAX;
	if (room) {
		db->posted++;
		append(db, task);
		if (!db->begun)
			pthread_cond_signal(&db->queued);
	}
	pthread_mutex_unlock(&db->queue_lock);
	if (!room) {
		free(arg);
		free(task);
	}
}

/* With queue_lock held: whether one more thread may wait, at last. */
static bool wait_for_room(struct db *db)
{
	struct timespec until = clock_at(clock_ticks() + CLOCK_SECOND);
	int rc = 0;

	while (!rc && !db->locked && db->begun && db->waiting >= QUEUE)
		rc = pthread_cond_timedwait(&db->room, &db->queue_lock, &until);
	return db->waiting < (db->locked ? PROBES : rc ? QUEUE : INT_MAX);
}

/* *mine: what is to be done in a turn of the caller's own, or NULL. Returns
 * whether there was room. */
static bool enqueue(struct db *db, struct db_task *task, struct db_task **mine)
{
	pthread_mutex_lock(&db->queue_lock);
	bool room = wait_for_room(db);
	*mine = NULL;
	if (room) {
		db->waiting++;
		append(db, task);
	}
	if (room && !db->begun) {
		/* now and then tidying cannot wait for a pause */
		if (db->engine->hurries(db))
			pthread_cond_signal(&db->queued);
		else
			*mine = take_all(db);
	}
	pthread_mutex_unlock(&db->queue_lock);
	return room;
}

int db_submit(struct db *db, const struct db_job *job, void *arg)
{
	struct db_task task = {.job = job, .arg = arg}, *mine;

	if (db->read_only)
		return -EROFS;
	if (db->waits)
		db->waits();
	sem_init(&task.done, 0, 0);
	bool room = enqueue(db, &task, &mine);
	if (mine)
		lead(db, mine);
	while (room && sem_wait(&task.done) && errno == EINTR)
		continue;
	sem_destroy(&task.done);
	return room ? task.rc : -EBUSY;
}
